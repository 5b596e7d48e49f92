import { httpEndpoint } from '../../lib/http/endpoint.ts';
import * as routes from '../../lib/protocol/routes/desk.ts';
import { handOn } from '../../lib/services/desk/changes.ts';
import * as service from '../../lib/services/desk/setRouting.ts';

export const setRouting = httpEndpoint(routes.setRouting, async ({ caller, body, waitUntil }) => {
  const routing = await service.setRouting(caller, body);
  // A team that is automatic now may be given what waits.
  waitUntil(() => handOn({}));
  return routing;
});
