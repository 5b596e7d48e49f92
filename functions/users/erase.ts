import { httpEndpoint } from '../../lib/http/endpoint.ts';
import * as routes from '../../lib/protocol/routes.ts';
import { eraseUser } from '../../lib/services/users/eraseUser.ts';
import { beginErasing } from '../../lib/services/users/finishErasing.ts';

export const handler = httpEndpoint(routes.eraseUser, async ({ caller, params, follow }) => {
  const erased = await eraseUser(caller, params.userId);
  follow(() => beginErasing(erased.id));
  return erased;
});
