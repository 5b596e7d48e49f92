import { httpEndpoint } from '../../lib/http/endpoint.ts';
import * as routes from '../../lib/protocol/routes/auth.ts';
import * as service from '../../lib/services/auth/logout.ts';

export const logout = httpEndpoint(routes.logout, async ({ caller }) => {
  await service.logout(caller);
  return undefined;
});
