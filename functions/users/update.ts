import { httpEndpoint } from '../../lib/http/endpoint.ts';
import * as routes from '../../lib/protocol/routes.ts';
import { updateUser } from '../../lib/services/users/updateUser.ts';

export const handler = httpEndpoint(routes.updateUser, ({ caller, params, body }) =>
  updateUser(caller, params.userId, body),
);
