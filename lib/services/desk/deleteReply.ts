import type { Caller } from '../../domain/permissions.ts';
import { AppError } from '../../errors/appError.ts';
import { limitStaffWrites } from '../../limits/rateLimits.ts';
import { removeReply } from '../../store/replies.ts';
import { requireWritable } from './updateReply.ts';

/** Deletes a canned reply. Throws `NOT_FOUND`, `FORBIDDEN`, `RATE_LIMITED`. */
export async function deleteReply(caller: Caller, replyId: string): Promise<void> {
  await limitStaffWrites(caller.userId);
  await requireWritable(caller, replyId);
  if (!(await removeReply(replyId))) throw new AppError('NOT_FOUND');
}
