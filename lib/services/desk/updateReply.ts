import { type Caller, mayWriteReplies } from '../../domain/permissions.ts';
import { AppError } from '../../errors/appError.ts';
import { limitStaffWrites } from '../../limits/rateLimits.ts';
import type { Reply } from '../../protocol/objects/replies.ts';
import { changeReply, findReply } from '../../store/replies.ts';

/** Finds a reply that the caller may change. Throws `NOT_FOUND` where they may not use it, `FORBIDDEN` where they may use it only. */
export async function requireWritable(caller: Caller, replyId: string): Promise<Reply> {
  const reply = await findReply(caller, replyId);
  if (!reply) throw new AppError('NOT_FOUND');
  if (!mayWriteReplies(caller, reply.scope)) throw new AppError('FORBIDDEN');
  return reply;
}

/** Changes a canned reply; its scope stays. Throws `NOT_FOUND`, `FORBIDDEN`, `SHORTCUT_TAKEN`, `RATE_LIMITED`. */
export async function updateReply(
  caller: Caller,
  replyId: string,
  change: { readonly [Field in 'shortcut' | 'title' | 'content']?: string | undefined },
): Promise<Reply> {
  await limitStaffWrites(caller.userId);
  const reply = await requireWritable(caller, replyId);
  const changed = await changeReply(caller, reply, change);
  if (!changed) throw new AppError('NOT_FOUND');
  return changed;
}
