import { type Caller, mayWriteReplies } from '../../domain/permissions.ts';
import { AppError } from '../../errors/appError.ts';
import { limitStaffWrites } from '../../limits/rateLimits.ts';
import type { Reply } from '../../protocol/objects/replies.ts';
import { newId } from '../../store/ids.ts';
import { insertReply } from '../../store/replies.ts';

/** Makes a canned reply. Throws `FORBIDDEN`, `SHORTCUT_TAKEN`, `RATE_LIMITED`. */
export async function createReply(caller: Caller, reply: Omit<Reply, 'id' | 'createdAt'>): Promise<Reply> {
  if (!mayWriteReplies(caller, reply.scope)) throw new AppError('FORBIDDEN');
  await limitStaffWrites(caller.userId);
  return insertReply(caller, { id: newId(), ...reply });
}
