import { httpEndpoint } from '../../lib/http/endpoint.ts';
import * as routes from '../../lib/protocol/routes/auth.ts';
import * as service from '../../lib/services/auth/getMe.ts';

export const getMe = httpEndpoint(routes.getMe, ({ caller }) => service.getMe(caller));
