import { httpEndpoint } from '../../lib/http/endpoint.ts';
import * as routes from '../../lib/protocol/routes/auth.ts';
import * as service from '../../lib/services/auth/changePassword.ts';

export const changePassword = httpEndpoint(routes.changePassword, async ({ caller, body, sourceIp }) => {
  await service.changePassword(caller, body, sourceIp);
  return undefined;
});
