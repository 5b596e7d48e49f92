import { httpEndpoint } from '../../lib/http/endpoint.ts';
import * as routes from '../../lib/protocol/routes/users.ts';
import { listUsers } from '../../lib/services/users/listUsers.ts';

export const handler = httpEndpoint(routes.listUsers, ({ caller, query }) => listUsers(caller, query));
