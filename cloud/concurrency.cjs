'use strict';

const { logicalId } = require('./names.cjs');
const rights = require('./rights.cjs');

/** What each instance of a function holds beside its pool: the driver's watch on the primary. */
const MONITORS = 1;
/** While a deploy is under way, instances of the code before stand beside those of the code after. */
const GENERATIONS = 2;
/** `MONGODB_POOL_SIZE`, where nothing else is said: lib/runtime/config.ts. */
const POOL_SIZE = 4;

/** How much of what there is goes to what people wait for; anything else counts once. */
const WEIGHTS = { websocket: 38, conversations: 13, auth: 9, users: 5, operations: 2 };

/**
 * Where `databaseConnections` is set, bounds how many instances of each function there can be, so that together they
 * never hold more connections to the database's primary. docs/scale.md says when to.
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

/** A mistyped bound must not be none. */
function whole(name, value) {
  if (!/^[1-9]\d*$/.test(String(value))) throw new Error(`${name}: ${value} is no whole number`);
  return Number(value);
}

/** By function that uses the database: one each, and of the rest a part by weight. Throws where there isn't one each. */
function share(most, poolSize) {
  const names = Object.keys(rights).filter((name) => rights[name].secrets.includes('mongodb-uri'));
  const each = (poolSize + MONITORS) * GENERATIONS;
  const left = Math.floor(most / each) - names.length;
  if (left < 0) throw new Error(`databaseConnections: ${names.length} functions need ${names.length * each} at least`);
  const weight = (name) => WEIGHTS[name] ?? 1;
  const total = names.reduce((sum, name) => sum + weight(name), 0);
  return Object.fromEntries(names.map((name) => [name, 1 + Math.floor((left * weight(name)) / total)]));
}
