import { httpEndpoint } from '../../lib/http/endpoint.ts';
import * as routes from '../../lib/protocol/routes/users.ts';
import { eraseUser } from '../../lib/services/users/eraseUser.ts';
import { tryFinishErasing } from '../../lib/services/users/finishErasing.ts';

export const handler = httpEndpoint(routes.eraseUser, async ({ caller, params, waitUntil }) => {
  const erased = await eraseUser(caller, params.userId);
  waitUntil(() => tryFinishErasing(erased.id));
  return erased;
});
