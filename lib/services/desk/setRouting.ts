import type { Routing } from '../../domain/desk.ts';
import type { Caller } from '../../domain/permissions.ts';
import { limitStaffWrites } from '../../limits/rateLimits.ts';
import * as agents from '../../store/agents.ts';
import { audit } from '../../store/audit.ts';
import { transaction } from '../../store/database.ts';

/** Says how the caller's team gets its conversations. Throws `RATE_LIMITED`. */
export async function setRouting(caller: Caller, routing: Routing): Promise<Routing> {
  await limitStaffWrites(caller.userId);
  const { mode, requeueAfterSeconds, answerWithinSeconds } = routing;
  await transaction(async (session) => {
    await agents.setRouting(caller.userId, routing, session);
    const details = {
      mode,
      requeueAfterSeconds: String(requeueAfterSeconds),
      answerWithinSeconds: String(answerWithinSeconds),
    };
    await audit(caller, 'routing_set', caller.userId, details, session);
  });
  return routing;
}
