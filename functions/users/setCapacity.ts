import { httpEndpoint } from '../../lib/http/endpoint.ts';
import * as routes from '../../lib/protocol/routes/users.ts';
import { handOn } from '../../lib/services/desk/changes.ts';
import * as service from '../../lib/services/desk/setCapacity.ts';

export const setCapacity = httpEndpoint(routes.setCapacity, async ({ caller, params, body, waitUntil }) => {
  const user = await service.setCapacity(caller, params.userId, body.maxConversations);
  waitUntil(() => handOn({ agents: [user.id] }));
  return user;
});
