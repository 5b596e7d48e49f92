import { httpEndpoint } from '../../lib/http/endpoint.ts';
import * as routes from '../../lib/protocol/routes/auth.ts';
import * as service from '../../lib/services/auth/register.ts';

export const register = httpEndpoint(routes.register, ({ body, sourceIp }) => service.register(body, sourceIp));
