import { type Caller, mayEditConversation } from '../../domain/permissions.ts';
import { AppError } from '../../errors/appError.ts';
import type { Note } from '../../protocol/objects/conversations.ts';
import { readNotes } from '../../store/notes.ts';
import type { Page, PageRequest } from '../../store/pages.ts';
import { requireVisible } from './requireVisible.ts';

/** Lists what the staff have noted of a conversation, oldest first. Who may not see it any more sees none. Throws `NOT_FOUND`. */
export async function listNotes(caller: Caller, conversationId: string, page: PageRequest): Promise<Page<Note>> {
  const conversation = await requireVisible(caller, conversationId);
  if (!mayEditConversation(caller, conversation)) throw new AppError('NOT_FOUND');
  return readNotes(conversationId, page);
}
