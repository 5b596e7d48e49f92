// @ts-check
'use strict';

/** @import { ResolveVariable, Vpc } from './types.d.ts' */

// Parameters of the stage that several files here read.

/** @type {Readonly<Record<keyof Vpc, RegExp>>} */
const KINDS = { subnetIds: /^subnet-[0-9a-f]+$/, securityGroupIds: /^sg-[0-9a-f]+$/ };

/**
 * The stage's network; `null` where there is none. With `--param` on the command line, `vpc` comes as JSON. Throws for half
 * a network.
 * @param {ResolveVariable} resolveVariable
 * @returns {Promise<Vpc | null>}
 */
async function vpcOf(resolveVariable) {
  const given = await resolveVariable("param:vpc, ''");
  if (given === '') return null;
  const vpc = typeof given === 'string' ? parsed(given) : given;
  const unknown = Object.keys(vpc).find((key) => !(key in KINDS));
  if (unknown !== undefined) throw new Error(`vpc.${unknown}: there is no such setting`);
  return { subnetIds: idsOf(vpc, 'subnetIds'), securityGroupIds: idsOf(vpc, 'securityGroupIds') };
}

/**
 * @param {Readonly<Record<string, unknown>>} vpc
 * @param {keyof Vpc} key
 * @returns {string[]}
 */
function idsOf(vpc, key) {
  const ids = vpc[key];
  if (!Array.isArray(ids) || ids.length === 0 || !ids.every((id) => KINDS[key].test(id))) {
    throw new Error(`vpc.${key} must be a list of ids`);
  }
  return ids;
}

/**
 * @param {string} text
 * @returns {Readonly<Record<string, unknown>>}
 */
function parsed(text) {
  try {
    return Object(JSON.parse(text));
  } catch {
    throw new Error('vpc must name subnetIds and securityGroupIds');
  }
}

/**
 * Whether an API with a domain loses its default address. Throws for anything but `close` and `keep`: a mistyped value must
 * not leave a way round the firewall.
 * @param {ResolveVariable} resolveVariable
 */
async function closesDefaultEndpoints(resolveVariable) {
  const given = (await resolveVariable("param:defaultEndpoints, ''")) || 'close';
  if (given !== 'close' && given !== 'keep') throw new Error(`defaultEndpoints: ${given} is neither close nor keep`);
  return given === 'close';
}

module.exports = { vpcOf, closesDefaultEndpoints };
