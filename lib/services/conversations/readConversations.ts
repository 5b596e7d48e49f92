import { type Caller, maySeeConversation } from '../../domain/permissions.ts';
import { AppError } from '../../protocol/errors.ts';
import type { Conversation, Message } from '../../protocol/objects.ts';
import * as conversations from '../../store/conversations.ts';
import { readMessages } from '../../store/messages.ts';
import type { Page, PageRequest } from '../../store/pages.ts';
import { namesIn, present } from './present.ts';

/** The conversation as stored, where the caller may see it. Throws `NOT_FOUND` otherwise. */
export async function requireVisible(
  caller: Caller,
  conversationId: string,
): Promise<conversations.ConversationRecord> {
  const found = await conversations.findConversation(conversationId);
  if (!found || !maySeeConversation(caller, found)) throw new AppError('NOT_FOUND');
  return found;
}

/** Throws `NOT_FOUND`. */
export async function getConversation(caller: Caller, conversationId: string): Promise<Conversation> {
  return present(await requireVisible(caller, conversationId), caller);
}

export async function listConversations(
  caller: Caller,
  { limit, cursor, ...filter }: conversations.ConversationFilter & PageRequest,
): Promise<Page<Conversation>> {
  const page = await conversations.listConversations(caller, filter, { limit, cursor });
  const names = await namesIn(page.items, caller);
  return { ...page, items: page.items.map((record) => conversations.toConversation(record, names)) };
}

/** Messages after `afterSeq`, oldest first; `nextAfterSeq` where there are more. Throws `NOT_FOUND`. */
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
