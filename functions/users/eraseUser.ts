import { httpEndpoint } from '../../lib/http/endpoint.ts';
import * as routes from '../../lib/protocol/routes/users.ts';
import * as service from '../../lib/services/users/eraseUser.ts';
import { tryFinishErasing } from '../../lib/services/users/finishErasing.ts';

export const eraseUser = httpEndpoint(routes.eraseUser, async ({ caller, params, waitUntil }) => {
  const erased = await service.eraseUser(caller, params.userId);
  waitUntil(() => tryFinishErasing(erased.id));
  return erased;
});
