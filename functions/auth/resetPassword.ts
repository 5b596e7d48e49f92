import { httpEndpoint } from '../../lib/http/endpoint.ts';
import * as routes from '../../lib/protocol/routes/auth.ts';
import * as service from '../../lib/services/auth/resetPassword.ts';

export const resetPassword = httpEndpoint(routes.resetPassword, async ({ body, sourceIp }) => {
  await service.resetPassword(body, sourceIp);
  return undefined;
});
