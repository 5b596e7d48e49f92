// @ts-check
'use strict';

/** @import { Rights } from './types.d.ts' */

const DATABASE = 'mongodb-uri';
const KEYS = 'jwt-keys';
const IDENTITY = 'identity-keys';

/**
 * What each function may do beyond writing its own log: nothing that it doesn't need. A test bundles every function and
 * compares this table with the AWS calls and secrets in the bundle.
 * @type {Readonly<Record<string, Rights>>}
 */
module.exports = {
  // One session too many ends another one, whose sockets are cut. A visitor's conversations change hands.
  auth: { secrets: [DATABASE, KEYS, IDENTITY], sockets: ['DELETE'], proxy: true, dispatches: true, mails: true },
  users: { secrets: [DATABASE, KEYS], sockets: ['POST', 'DELETE'], proxy: true, dispatches: true },
  conversations: { secrets: [DATABASE, KEYS], sockets: ['POST'], proxy: true, dispatches: true },
  desk: { secrets: [DATABASE, KEYS], sockets: [], proxy: true, dispatches: true },
  analytics: { secrets: [DATABASE, KEYS], sockets: [], proxy: true },
  operations: { secrets: [DATABASE, KEYS], sockets: [], proxy: true },
  unknownRoute: { secrets: [], sockets: [] },
  site: { secrets: [], sockets: [] },
  // One socket too many takes another's place, and a flood of frames is ended.
  websocket: { secrets: [DATABASE, KEYS], sockets: ['POST', 'DELETE'], proxy: true, dispatches: true },
  sweep: { secrets: [DATABASE], sockets: ['POST'], deadLetters: true, dispatches: true, mails: true },
  dispatch: { secrets: [DATABASE], sockets: ['POST'] },
  mail: { secrets: [DATABASE], sockets: [], sendsMails: true },
  migrate: { secrets: [DATABASE], sockets: [] },
  createFirstAdmin: { secrets: [DATABASE], sockets: [] },
};
