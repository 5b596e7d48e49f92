// @ts-check
'use strict';

/** @import { Functions } from './types.d.ts' */

/**
 * The name of a function's resource in the template: `register` and `Role` make `RegisterRole`.
 * @param {string} name
 * @param {string} what
 */
const logicalId = (name, what) => `${name.charAt(0).toUpperCase()}${name.slice(1)}${what}`;

/**
 * A text of the template with variables of CloudFormation's in it.
 * @param {string} text
 */
const sub = (text) => ({ 'Fn::Sub': text });

/**
 * The names of the functions behind the WebSocket API.
 * @param {Functions} functions
 */
const behindSockets = (functions) =>
  Object.entries(functions)
    .filter(([, { events = [] }]) => events.some((event) => 'websocket' in event))
    .map(([name]) => name);

module.exports = { logicalId, sub, behindSockets };
