import type { HttpEndpoint, HttpHandler } from './endpoint.ts';
import { answerUnknownRoute } from './unknownRoute.ts';

/**
 * Makes the Lambda handler of an area from its endpoints. The gateway has routed the request already: its route key
 * names the endpoint. A route key without an endpoint is answered like a path that no route matches.
 */
export function httpArea(endpoints: readonly HttpEndpoint[]): HttpHandler {
  const handlers = new Map(endpoints.map(({ routeKey, handle }) => [routeKey, handle]));
  return (event, context) => (handlers.get(event.routeKey) ?? answerUnknownRoute)(event, context);
}
