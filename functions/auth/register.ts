import { httpEndpoint } from '../../lib/http/endpoint.ts';
import * as routes from '../../lib/protocol/routes/auth.ts';
import { register } from '../../lib/services/auth/register.ts';

export const handler = httpEndpoint(routes.register, ({ body, sourceIp }) => register(body, sourceIp));
