import { httpEndpoint } from '../../lib/http/endpoint.ts';
import * as routes from '../../lib/protocol/routes/users.ts';
import * as service from '../../lib/services/users/listUsers.ts';

export const listUsers = httpEndpoint(routes.listUsers, ({ caller, query }) => service.listUsers(caller, query));
