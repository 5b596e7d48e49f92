import { httpEndpoint } from '../../lib/http/endpoint.ts';
import * as routes from '../../lib/protocol/routes/auth.ts';
import { changePassword } from '../../lib/services/auth/changePassword.ts';

export const handler = httpEndpoint(routes.changePassword, async ({ caller, body, sourceIp }) => {
  await changePassword(caller, body, sourceIp);
  return undefined;
});
