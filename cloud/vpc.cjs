'use strict';

const { logicalId } = require('./names.cjs');
const rights = require('./rights.cjs');

const KINDS = { subnetIds: /^subnet-[0-9a-f]+$/, securityGroupIds: /^sg-[0-9a-f]+$/ };

/**
 * Where the stage's parameter `vpc` names subnets and security groups, the functions that use the database run in them.
 * The others stay outside. docs/deploying.md says what the network must reach.
 */
module.exports = async ({ resolveVariable }) => {
  const vpc = await vpcOf(resolveVariable);
  if (vpc === null) return {};
  const inside = Object.keys(rights).filter((name) => rights[name].secrets.includes('mongodb-uri'));
  return {
    extensions: Object.fromEntries(
      inside.map((name) => [
        logicalId(name, 'LambdaFunction'),
        { Properties: { VpcConfig: { SubnetIds: vpc.subnetIds, SecurityGroupIds: vpc.securityGroupIds } } },
      ]),
    ),
  };
};

/** `null` where there is none. From the command line, with `--param`, it comes as JSON. Throws for half a network. */
async function vpcOf(resolveVariable) {
  const given = await resolveVariable("param:vpc, ''");
  if (given === '') return null;
  const vpc = typeof given === 'string' ? parsed(given) : given;
  const unknown = Object.keys(vpc).find((key) => !(key in KINDS));
  if (unknown !== undefined) throw new Error(`vpc.${unknown}: there is no such setting`);
  for (const [key, pattern] of Object.entries(KINDS)) {
    const ids = vpc[key];
    if (!Array.isArray(ids) || ids.length === 0 || !ids.every((id) => pattern.test(id))) {
      throw new Error(`vpc.${key} must be a list of ids`);
    }
  }
  return vpc;
}

module.exports.vpcOf = vpcOf;

function parsed(text) {
  try {
    return Object(JSON.parse(text));
  } catch {
    throw new Error('vpc must name subnetIds and securityGroupIds');
  }
}
