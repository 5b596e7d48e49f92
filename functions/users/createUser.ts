import { httpEndpoint } from '../../lib/http/endpoint.ts';
import * as routes from '../../lib/protocol/routes/users.ts';
import { createUser } from '../../lib/services/users/createUser.ts';

export const handler = httpEndpoint(routes.createUser, ({ caller, body }) => createUser(caller, body));
