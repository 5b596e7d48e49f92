import type { Caller } from '../../domain/permissions.ts';
import type { Conversation } from '../../protocol/objects/conversations.ts';
import * as conversations from '../../store/conversations.ts';
import type { Page, PageRequest } from '../../store/pages.ts';
import { namesIn } from './present.ts';

/** Lists the conversations that the caller may see, newest first. */
export async function listConversations(
  caller: Caller,
  { limit, cursor, ...filter }: conversations.ConversationFilter & PageRequest,
): Promise<Page<Conversation>> {
  const page = await conversations.listConversations(caller, filter, { limit, cursor });
  const names = await namesIn(page.items, caller);
  return { ...page, items: page.items.map((record) => conversations.toConversation(record, names)) };
}
