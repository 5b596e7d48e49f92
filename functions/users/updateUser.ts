import { httpEndpoint } from '../../lib/http/endpoint.ts';
import * as routes from '../../lib/protocol/routes/users.ts';
import { beginHandingOver } from '../../lib/services/users/finishHandingOver.ts';
import { updateUser } from '../../lib/services/users/updateUser.ts';

export const handler = httpEndpoint(routes.updateUser, async ({ caller, params, body, waitUntil }) => {
  const updated = await updateUser(caller, params.userId, body);
  if (updated.handsOver) waitUntil(() => beginHandingOver(updated.user.id));
  return updated.user;
});
