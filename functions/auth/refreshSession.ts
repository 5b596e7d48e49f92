import { httpEndpoint } from '../../lib/http/endpoint.ts';
import * as routes from '../../lib/protocol/routes/auth.ts';
import { refreshSession } from '../../lib/services/auth/refreshSession.ts';

export const handler = httpEndpoint(routes.refreshSession, ({ body, sourceIp }) =>
  refreshSession(body.refreshToken, sourceIp),
);
