import type { Caller } from '../../domain/permissions.ts';
import { invalid } from '../../errors/appError.ts';
import type { HeldConversation, OwnConversation } from '../../protocol/objects/conversations.ts';
import * as conversations from '../../store/conversations.ts';
import type { Page, PageRequest } from '../../store/pages.ts';
import { presenterFor } from './present.ts';

/**
 * Lists the conversations that the caller may see, newest first. Throws `VALIDATION_FAILED` for a candidate who asks by what the
 * staff note.
 */
export async function listConversations(
  caller: Caller,
  {
    limit,
    cursor,
    tag,
    ...filter
  }: Omit<conversations.ConversationFilter, 'tags'> & PageRequest & { readonly tag?: string | undefined },
): Promise<Page<OwnConversation | HeldConversation>> {
  if (tag !== undefined && caller.role === 'candidate') throw invalid('/query/tag', 'is for the staff only');
  const page = await conversations.listConversations(caller, { ...filter, tags: tag }, { limit, cursor });
  const { answer } = await presenterFor(caller, page.items);
  return { ...page, items: await Promise.all(page.items.map(answer)) };
}
