import { httpEndpoint } from '../../lib/http/endpoint.ts';
import * as routes from '../../lib/protocol/routes.ts';
import { ping } from '../../lib/store/database.ts';
import { version } from '../../lib/version.ts';

export const handler = httpEndpoint(routes.health, async () => {
  await ping();
  return { status: 'ok' as const, version };
});
