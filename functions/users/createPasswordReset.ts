import { httpEndpoint } from '../../lib/http/endpoint.ts';
import * as routes from '../../lib/protocol/routes/users.ts';
import * as service from '../../lib/services/users/createPasswordReset.ts';

export const createPasswordReset = httpEndpoint(routes.createPasswordReset, ({ caller, params }) =>
  service.createPasswordReset(caller, params.userId),
);
