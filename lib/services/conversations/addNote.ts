import { type Caller, mayEditConversation } from '../../domain/permissions.ts';
import { AppError } from '../../errors/appError.ts';
import { limitStaffWrites } from '../../limits/rateLimits.ts';
import type { Note } from '../../protocol/objects/conversations.ts';
import { poll } from '../../runtime/poll.ts';
import { DURABLE_MS, isDuplicateKey } from '../../store/database.ts';
import { newId } from '../../store/ids.ts';
import { findNoted, insertNote } from '../../store/notes.ts';
import { requireVisible } from './getConversation.ts';

/** What somebody notes. */
export interface NoteDraft {
  readonly content: string;
  readonly clientNoteId?: string | undefined;
}

/** A note that exists. `repeated`: an earlier request with its `clientNoteId` stored it. */
export interface Noted {
  readonly note: Note;
  readonly repeated: boolean;
}

/** Notes something for the staff, once per `clientNoteId`. Throws `NOT_FOUND`, `RATE_LIMITED`, `UNAVAILABLE`. */
export async function addNote(caller: Caller, conversationId: string, draft: NoteDraft): Promise<Noted> {
  await limitStaffWrites(caller.userId);
  const conversation = await requireVisible(caller, conversationId);
  if (!mayEditConversation(caller, conversation)) throw new AppError('NOT_FOUND');
  const { userId: authorId, name: authorName } = caller;
  const { content, clientNoteId } = draft;
  try {
    const note = await insertNote({
      id: newId(),
      conversationId,
      authorId,
      authorName,
      content,
      clientNoteId: clientNoteId ?? null,
    });
    return { note, repeated: false };
  } catch (error) {
    if (clientNoteId === undefined || !isDuplicateKey(error, 'clientNoteId')) throw error;
    // The primary refuses the second one as soon as it has the first itself: a majority may not have it yet.
    const note = await poll(DURABLE_MS, () => findNoted(conversationId, authorId, clientNoteId));
    if (!note) throw new AppError('UNAVAILABLE');
    return { note, repeated: true };
  }
}
