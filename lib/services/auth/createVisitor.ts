import { AppError } from '../../errors/appError.ts';
import { limitVisitors } from '../../limits/rateLimits.ts';
import type { Session } from '../../protocol/objects/users.ts';
import { config } from '../../runtime/config.ts';
import { insertVisitor } from '../../store/customers.ts';
import { openSessionOf, sessionEnd } from './openSession.ts';

/**
 * Signs in a visitor: a new candidate without address or password. The audit trail doesn't have it, because nothing was proven.
 * Throws `NOT_CONFIGURED` where visitors are switched off, `RATE_LIMITED`.
 */
export async function createVisitor(
  { name }: { readonly name?: string | undefined },
  sourceIp: string,
): Promise<Session> {
  if (config().VISITORS === 'off') throw new AppError('NOT_CONFIGURED');
  await limitVisitors(sourceIp);
  return openSessionOf(
    async (session) => ({ user: await insertVisitor({ name, until: sessionEnd() }, session), ended: [] }),
    sourceIp,
  );
}
