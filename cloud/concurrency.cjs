// @ts-check
'use strict';

/** @import { Addition, Framework } from './types.d.ts' */

const { logicalId } = require('./names.cjs');
const rights = require('./rights.cjs');

/** The connections of an instance beside its pool: the driver's watch on the primary. */
const MONITORS = 1;
/** During a deploy, instances of the old code stand beside those of the new. */
const GENERATIONS = 2;
/** The default of `MONGODB_POOL_SIZE`: lib/runtime/config.ts. */
const POOL_SIZE = 4;

/**
 * The weights of functions that people wait for, and of the dispatcher, which runs at nearly every change of a conversation; any
 * other function counts once.
 * @type {Readonly<Record<string, number>>}
 */
const WEIGHTS = { websocket: 38, conversations: 13, auth: 9, dispatch: 7, users: 5, desk: 3, operations: 2 };

/**
 * Bounds how many instances each function can have, where `databaseConnections` is set, so that together they never hold
 * more connections to the database's primary. docs/scale.md says when to set it.
 * @param {Framework} framework
 * @returns {Promise<Addition>}
 */
module.exports = async ({ resolveVariable }) => {
  const most = await resolveVariable("param:databaseConnections, ''");
  if (most === '') return {};
  const poolSize = await resolveVariable("param:MONGODB_POOL_SIZE, ''");
  return {
    extensions: Object.fromEntries(
      Object.entries(
        share(whole('databaseConnections', most), poolSize === '' ? POOL_SIZE : whole('MONGODB_POOL_SIZE', poolSize)),
      ).map(([name, instances]) => [
        logicalId(name, 'LambdaFunction'),
        { Properties: { ReservedConcurrentExecutions: instances } },
      ]),
    ),
  };
};

/**
 * Reads a whole number. A mistyped bound must not be none.
 * @param {string} name
 * @param {string} value
 */
function whole(name, value) {
  if (!/^[1-9]\d*$/.test(String(value))) throw new Error(`${name}: ${value} is no whole number`);
  return Number(value);
}

/**
 * Shares the instances among the functions that use the database: one each, and of the rest a part by weight. Throws where
 * there isn't one for each.
 * @param {number} most
 * @param {number} poolSize
 * @returns {Readonly<Record<string, number>>}
 */
function share(most, poolSize) {
  const names = Object.entries(rights).flatMap(([name, { secrets }]) =>
    secrets.includes('mongodb-uri') ? [name] : [],
  );
  const each = (poolSize + MONITORS) * GENERATIONS;
  const left = Math.floor(most / each) - names.length;
  if (left < 0) throw new Error(`databaseConnections: ${names.length} functions need ${names.length * each} at least`);
  const weight = (/** @type {string} */ name) => WEIGHTS[name] ?? 1;
  const total = names.reduce((sum, name) => sum + weight(name), 0);
  return Object.fromEntries(names.map((name) => [name, 1 + Math.floor((left * weight(name)) / total)]));
}
