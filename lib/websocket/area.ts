import type { SocketEndpoint, SocketHandler } from './frameHandler.ts';
import { unknownEvent } from './unknown.ts';

/**
 * Makes the Lambda handler of the WebSocket API from its endpoints. The gateway has routed the event already: its route key
 * names the endpoint. A key that no endpoint has is answered as an event there isn't.
 */
export function socketArea(endpoints: readonly SocketEndpoint[]): SocketHandler {
  const handlers = new Map(endpoints.map(({ routeKey, handle }) => [routeKey, handle]));
  return (event, context) => (handlers.get(event.requestContext.routeKey) ?? unknownEvent.handle)(event, context);
}
