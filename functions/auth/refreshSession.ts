import { httpEndpoint } from '../../lib/http/endpoint.ts';
import * as routes from '../../lib/protocol/routes/auth.ts';
import * as service from '../../lib/services/auth/refreshSession.ts';

export const refreshSession = httpEndpoint(routes.refreshSession, ({ body, sourceIp }) =>
  service.refreshSession(body.refreshToken, sourceIp),
);
