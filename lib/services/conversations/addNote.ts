import { type Caller, mayEditConversation } from '../../domain/permissions.ts';
import { AppError } from '../../errors/appError.ts';
import { limitStaffWrites } from '../../limits/rateLimits.ts';
import type { Note } from '../../protocol/objects/conversations.ts';
import { poll } from '../../runtime/poll.ts';
import { type ConversationRecord, findConversation } from '../../store/conversations.ts';
import { DURABLE_MS, isDuplicateKey } from '../../store/database.ts';
import { areTextsGone } from '../../store/erasing.ts';
import { newId } from '../../store/ids.ts';
import { deleteNote, findNoted, insertNote } from '../../store/notes.ts';
import { isErased } from '../../store/users.ts';
import { requireVisible } from './requireVisible.ts';
import { textsGone } from './textsGone.ts';

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

/**
 * Notes something for the staff, once per `clientNoteId`. A conversation whose texts are gone takes no note, for nobody would delete
 * it. Throws `NOT_FOUND`, `CONFLICT`, `RATE_LIMITED`, `UNAVAILABLE`.
 */
export async function addNote(caller: Caller, conversationId: string, draft: NoteDraft): Promise<Noted> {
  await limitStaffWrites(caller.userId);
  const conversation = await requireVisible(caller, conversationId);
  if (!mayEditConversation(caller, conversation)) throw new AppError('NOT_FOUND');
  if (areTextsGone(conversation)) throw textsGone('notes');
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
    // A note writes nothing that a message writes. So it may come in beside an erasure, after that has deleted the notes. An erasure
    // begins with the candidate's own record.
    const now = await findConversation(conversationId);
    const refusal =
      !now || areTextsGone(now) || (await isErased(now.candidateId)) ? textsGone('notes') : lost(caller, now);
    if (refusal) {
      await deleteNote(note.id);
      throw refusal;
    }
    return { note, repeated: false };
  } catch (error) {
    if (clientNoteId === undefined || !isDuplicateKey(error, 'clientNoteId')) throw error;
    // The primary refuses the second one as soon as it has the first itself: a majority may not have it yet.
    const note = await poll(DURABLE_MS, () => findNoted(conversationId, authorId, clientNoteId));
    if (!note) throw new AppError('UNAVAILABLE');
    return { note, repeated: true };
  }
}

/** The refusal of somebody who has lost the conversation while they noted something. */
const lost = (caller: Caller, now: ConversationRecord): AppError | null =>
  mayEditConversation(caller, now) ? null : new AppError('NOT_FOUND');
