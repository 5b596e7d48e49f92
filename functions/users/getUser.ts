import { httpEndpoint } from '../../lib/http/endpoint.ts';
import * as routes from '../../lib/protocol/routes/users.ts';
import * as service from '../../lib/services/users/getUser.ts';

export const getUser = httpEndpoint(routes.getUser, ({ caller, params }) => service.getUser(caller, params.userId));
