import { httpEndpoint } from '../../lib/http/endpoint.ts';
import * as routes from '../../lib/protocol/routes/users.ts';
import { getUser } from '../../lib/services/users/getUser.ts';

export const handler = httpEndpoint(routes.getUser, ({ caller, params }) => getUser(caller, params.userId));
