import { httpEndpoint } from '../../lib/http/endpoint.ts';
import * as routes from '../../lib/protocol/routes/users.ts';
import { handOn } from '../../lib/services/desk/changes.ts';
import { tellRenamed } from '../../lib/services/desk/tellRenamed.ts';
import { tryFinishHandingOver } from '../../lib/services/users/finishHandingOver.ts';
import * as service from '../../lib/services/users/updateUser.ts';

export const updateUser = httpEndpoint(routes.updateUser, async ({ caller, params, body, waitUntil }) => {
  const updated = await service.updateUser(caller, params.userId, body);
  const { user, isRenamed, isMoved } = updated;
  if (isRenamed && user.role === 'candidate') waitUntil(() => tellRenamed(user.id));
  // A new supervisor is shown their agent, and what waits may be given to an agent in an automatic team.
  if (updated.isAway || (user.role === 'agent' && (isRenamed || isMoved)))
    waitUntil(() => handOn({ agents: [user.id] }));
  if (updated.handsOver) waitUntil(() => tryFinishHandingOver(user.id));
  return user;
});
