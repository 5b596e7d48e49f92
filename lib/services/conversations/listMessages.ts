import type { Caller } from '../../domain/permissions.ts';
import type { Message } from '../../protocol/objects/conversations.ts';
import { readMessages } from '../../store/messages.ts';
import { requireVisible } from './requireVisible.ts';

/** Lists the messages after `afterSeq`, oldest first. `nextAfterSeq` is set where there are more. Throws `NOT_FOUND`. */
export async function listMessages(
  caller: Caller,
  conversationId: string,
  { afterSeq, limit }: { readonly afterSeq: number; readonly limit: number },
): Promise<{ items: Message[]; nextAfterSeq: number | null }> {
  const conversation = await requireVisible(caller, conversationId);
  const items = await readMessages(conversation, afterSeq, limit);
  const last = items.at(-1)?.seq;
  return { items, nextAfterSeq: last !== undefined && last < conversation.lastSeq ? last : null };
}
