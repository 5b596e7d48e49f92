'use strict';

/** What the framework, or a file here, calls a function's resource: `register` and `Role` make `RegisterRole`. */
const logicalId = (name, what) => `${name[0].toUpperCase()}${name.slice(1)}${what}`;

/** The names of the functions behind the WebSocket API. */
const behindSockets = (functions) =>
  Object.entries(functions)
    .filter(([, { events = [] }]) => events.some((event) => 'websocket' in event))
    .map(([name]) => name);

module.exports = { logicalId, behindSockets };
