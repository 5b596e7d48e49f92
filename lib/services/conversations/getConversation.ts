import type { Caller } from '../../domain/permissions.ts';
import type { HeldConversation, OwnConversation } from '../../protocol/objects/conversations.ts';
import { presenterFor } from './present.ts';
import { requireVisible } from './requireVisible.ts';

/** Reads one conversation that the caller may see. Throws `NOT_FOUND`. */
export async function getConversation(
  caller: Caller,
  conversationId: string,
): Promise<OwnConversation | HeldConversation> {
  const found = await requireVisible(caller, conversationId);
  return (await presenterFor(caller, [found])).answer(found);
}
