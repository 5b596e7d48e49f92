import { httpEndpoint } from '../../lib/http/endpoint.ts';
import * as routes from '../../lib/protocol/routes/users.ts';
import { handOn } from '../../lib/services/desk/changes.ts';
import * as service from '../../lib/services/desk/sendAway.ts';

export const sendAway = httpEndpoint(routes.sendAway, async ({ caller, params, waitUntil }) => {
  const { user, changed } = await service.sendAway(caller, params.userId);
  if (changed) {
    waitUntil(() => service.tellSentAway(user));
    waitUntil(() => handOn({ agents: [user.id] }));
  }
  return user;
});
