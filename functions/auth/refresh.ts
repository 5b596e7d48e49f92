import { httpEndpoint } from '../../lib/http/endpoint.ts';
import * as routes from '../../lib/protocol/routes.ts';
import { refresh } from '../../lib/services/auth/refresh.ts';

export const handler = httpEndpoint(routes.refreshSession, ({ body, sourceIp }) =>
  refresh(body.refreshToken, sourceIp),
);
