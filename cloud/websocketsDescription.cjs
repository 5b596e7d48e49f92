'use strict';

const { closesDefaultEndpoints } = require('./domain.cjs');

/**
 * What the WebSocket API is described as: whether its default address is open or closed. A WebSocket API opens or closes
 * it with the next deployment of the API only, and the framework makes one where what it made of the API itself has
 * changed, this description included; it doesn't look at what cloud/domain.cjs adds later.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/websocket-api-disable-default-endpoint.html
 */
module.exports = async ({ resolveVariable }) => {
  const domain = await resolveVariable("param:websocketDomain, ''");
  const closes = domain !== '' && (await closesDefaultEndpoints(resolveVariable));
  return `Live Support, sockets; default address ${closes ? 'closed' : 'open'}`;
};
