// @ts-check
'use strict';

/** @import { Framework } from './types.d.ts' */

const { closesDefaultEndpoints } = require('./parameters.cjs');

/**
 * Describes the WebSocket API by whether its default address is open or closed. A WebSocket API opens or closes that address
 * only with its next deployment. The framework makes a deployment where its own part of the API has changed, this description
 * included. It doesn't look at what cloud/domain.cjs adds later.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/websocket-api-disable-default-endpoint.html
 * @param {Framework} framework
 * @returns {Promise<string>}
 */
module.exports = async ({ resolveVariable }) => {
  const domain = await resolveVariable("param:websocketDomain, ''");
  const closes = domain !== '' && (await closesDefaultEndpoints(resolveVariable));
  return `Live Support, sockets; default address ${closes ? 'closed' : 'open'}`;
};
