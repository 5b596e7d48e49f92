import { httpEndpoint } from '../../lib/http/endpoint.ts';
import * as routes from '../../lib/protocol/routes/operations.ts';
import { version } from '../../lib/runtime/version.ts';
import { ping } from '../../lib/store/database.ts';

export const health = httpEndpoint(routes.health, async () => {
  await ping();
  return { status: 'ok' as const, version };
});
