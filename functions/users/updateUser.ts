import { httpEndpoint } from '../../lib/http/endpoint.ts';
import * as routes from '../../lib/protocol/routes/users.ts';
import { handOn } from '../../lib/services/desk/changes.ts';
import { tryFinishHandingOver } from '../../lib/services/users/finishHandingOver.ts';
import * as service from '../../lib/services/users/updateUser.ts';

export const updateUser = httpEndpoint(routes.updateUser, async ({ caller, params, body, waitUntil }) => {
  const updated = await service.updateUser(caller, params.userId, body);
  if (updated.isAway) waitUntil(() => handOn({ agents: [updated.user.id] }));
  if (updated.handsOver) waitUntil(() => tryFinishHandingOver(updated.user.id));
  return updated.user;
});
