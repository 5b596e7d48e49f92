import type { SocketEndpoint, SocketHandler } from './frameHandler.ts';
import { unknownEvent } from './unknownEvent.ts';

/**
 * Makes the Lambda handler of the WebSocket API from its endpoints. The gateway has routed the event already: its route
 * key names the endpoint. A route key without an endpoint is answered like an unknown event.
 */
export function socketArea(endpoints: readonly SocketEndpoint[]): SocketHandler {
  const handlers = new Map(endpoints.map(({ routeKey, handle }) => [routeKey, handle]));
  return (event, context) => (handlers.get(event.requestContext.routeKey) ?? unknownEvent.handle)(event, context);
}
