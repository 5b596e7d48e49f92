import { httpEndpoint } from '../../lib/http/endpoint.ts';
import * as routes from '../../lib/protocol/routes/users.ts';
import * as service from '../../lib/services/users/createUser.ts';

export const createUser = httpEndpoint(routes.createUser, ({ caller, body }) => service.createUser(caller, body));
