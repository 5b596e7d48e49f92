import { httpEndpoint } from '../../lib/http/endpoint.ts';
import * as routes from '../../lib/protocol/routes/auth.ts';
import { getMe } from '../../lib/services/auth/getMe.ts';

export const handler = httpEndpoint(routes.getMe, ({ caller }) => getMe(caller));
