import type { HttpEndpoint, HttpHandler } from './endpoint.ts';
import { answerUnknownRoute } from './unknownRoute.ts';

/**
 * Makes the Lambda handler of an area from its endpoints. The gateway has routed the request already: its route key names
 * the endpoint. A key that no endpoint has is answered as a path that no route matches.
 */
export function httpArea(endpoints: readonly HttpEndpoint[]): HttpHandler {
  const handlers = new Map(endpoints.map(({ routeKey, handle }) => [routeKey, handle]));
  return (event, context) => (handlers.get(event.routeKey) ?? answerUnknownRoute)(event, context);
}
