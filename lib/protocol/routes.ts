import { type Operation, PERMISSIONS } from '../domain/permissions.ts';
import type { ErrorCode } from './errors.ts';
import type { Route } from './route.ts';
import * as analytics from './routes/analytics.ts';
import * as auth from './routes/auth.ts';
import * as conversations from './routes/conversations.ts';
import * as desk from './routes/desk.ts';
import * as operations from './routes/operations.ts';
import * as users from './routes/users.ts';

const byName = { ...auth, ...users, ...conversations, ...desk, ...analytics, ...operations } as const satisfies Record<
  string,
  Route
>;

/**
 * Every route, in the order of the permissions, which is the order of the documents. For documents and tests only: a function
 * imports the routes that it answers, so that its package has no others.
 */
export const routes = Object.fromEntries(
  (Object.keys(PERMISSIONS) as Operation[]).flatMap((name) =>
    name in byName ? [[name, byName[name as keyof typeof byName]]] : [],
  ),
) as typeof byName;

/** Every code that the route can answer: its own, and those of its kind. For the documents and the tests. */
export function refusals(route: Route): readonly ErrorCode[] {
  const codes = new Set<ErrorCode>(route.errors);
  const access = PERMISSIONS[route.operation];
  if (access !== 'anyone') codes.add('INVALID_TOKEN');
  if (typeof access === 'object') codes.add('FORBIDDEN');
  if (route.body) codes.add('MALFORMED_JSON').add('PAYLOAD_TOO_LARGE').add('UNSUPPORTED_MEDIA_TYPE');
  // Strict everywhere: a route without query parameters refuses any.
  return [...codes.add('VALIDATION_FAILED').add('INTERNAL').add('UNAVAILABLE')];
}
