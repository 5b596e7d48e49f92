import type { Note } from '../protocol/objects/conversations.ts';
import { trusted } from './database.ts';
import { defineModel } from './model.ts';
import { OLDEST_FIRST, type Page, type PageRequest, readPage } from './pages.ts';

/** What somebody on the staff has noted of a conversation. */
interface NoteRecord {
  _id: string;
  conversationId: string;
  authorId: string;
  authorName: string;
  content: string;
  clientNoteId: string | null;
  createdAt: Date;
}

export const noteModel = /* @__PURE__ */ defineModel<NoteRecord>(
  'Note',
  'notes',
  {
    _id: { type: String, required: true },
    conversationId: { type: String, required: true },
    authorId: { type: String, required: true },
    authorName: { type: String, required: true },
    content: { type: String, required: true },
    clientNoteId: { type: String, default: null },
    createdAt: { type: Date, required: true },
  },
  [
    [{ conversationId: 1, ...OLDEST_FIRST }],
    [
      { conversationId: 1, authorId: 1, clientNoteId: 1 },
      { unique: true, partialFilterExpression: { clientNoteId: { $type: 'string' } } },
    ],
  ],
);

const toNote = ({ _id: id, createdAt, ...rest }: NoteRecord): Note => ({
  id,
  ...rest,
  createdAt: createdAt.toISOString(),
});

/** Stores a note. A repeated `clientNoteId` throws a duplicate key. */
export async function insertNote({ id, ...note }: Omit<Note, 'createdAt'>): Promise<Note> {
  const record = await noteModel()
    .findOneAndUpdate(
      { _id: id },
      [
        {
          $set: {
            ...Object.fromEntries(Object.entries(note).map(([name, value]) => [name, { $literal: value }])),
            createdAt: '$$NOW',
          },
        },
      ],
      { upsert: true, returnDocument: 'after', updatePipeline: true },
    )
    .lean();
  return toNote(record);
}

/** Finds the note that its author stored under a `clientNoteId`. */
export async function findNoted(conversationId: string, authorId: string, clientNoteId: string): Promise<Note | null> {
  // `$type` as the index has it: else the server doesn't know that the index will do.
  const named: Record<string, unknown> = trusted({
    conversationId,
    authorId,
    clientNoteId: { $eq: clientNoteId, $type: 'string' },
  });
  const record = await noteModel().findOne(named).lean();
  return record && toNote(record);
}

/** Reads a page of a conversation's notes, oldest first. */
export async function readNotes(conversationId: string, page: PageRequest): Promise<Page<Note>> {
  return readPage(noteModel(), [{ conversationId }], page, toNote, { order: OLDEST_FIRST });
}

/** Finds notes, by their ids. */
export async function findNotes(ids: readonly string[]): Promise<Note[]> {
  if (ids.length === 0) return [];
  const rows = await noteModel()
    .find(trusted({ _id: { $in: [...ids] } }))
    .lean();
  return rows.map(toNote);
}

/** Deletes the notes of these conversations: they may tell of the candidate. */
export async function deleteNotes(...conversationIds: readonly string[]): Promise<void> {
  await noteModel().deleteMany(trusted({ conversationId: { $in: [...conversationIds] } }));
}

/** Deletes one note. */
export async function deleteNote(id: string): Promise<void> {
  await noteModel().deleteOne({ _id: id });
}
