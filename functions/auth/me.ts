import { httpEndpoint } from '../../lib/http/endpoint.ts';
import * as routes from '../../lib/protocol/routes.ts';
import { me } from '../../lib/services/auth/me.ts';

export const handler = httpEndpoint(routes.getMe, ({ caller }) => me(caller));
