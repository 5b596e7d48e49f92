import { httpEndpoint } from '../../lib/http/endpoint.ts';
import * as routes from '../../lib/protocol/routes/auth.ts';
import { logout } from '../../lib/services/auth/logout.ts';

export const handler = httpEndpoint(routes.logout, async ({ caller }) => {
  await logout(caller);
  return undefined;
});
