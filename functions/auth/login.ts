import { httpEndpoint } from '../../lib/http/endpoint.ts';
import * as routes from '../../lib/protocol/routes/auth.ts';
import * as service from '../../lib/services/auth/login.ts';

export const login = httpEndpoint(routes.login, ({ body, sourceIp }) => service.login(body, sourceIp));
