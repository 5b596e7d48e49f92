import { httpEndpoint } from '../../lib/http/endpoint.ts';
import * as routes from '../../lib/protocol/routes/auth.ts';
import { login } from '../../lib/services/auth/login.ts';

export const handler = httpEndpoint(routes.login, ({ body, sourceIp }) => login(body, sourceIp));
