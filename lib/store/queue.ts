import { invalid } from '../errors/appError.ts';
import { type ConversationRecord, conversationModel, type Loss } from './conversations.ts';
import { native } from './model.ts';

/** A place in the queue: the most urgent first, then the oldest. It moves only when somebody changes the priority. */
export interface Place {
  readonly urgency: number;
  readonly createdAt: Date;
  readonly id: string;
}

const IN_ORDER = { urgency: -1, createdAt: 1, _id: 1 } as const;

export const placeOf = ({
  _id: id,
  urgency = 0,
  createdAt,
}: Pick<ConversationRecord, '_id' | 'urgency' | 'createdAt'>): Place => ({
  urgency,
  createdAt,
  id,
});

/** The filter on what comes after a place. */
const beyond = ({ urgency, createdAt, id }: Place) => ({
  $or: [
    { urgency: { $lt: urgency } },
    { urgency, createdAt: { $gt: createdAt } },
    { urgency, createdAt, _id: { $gt: id } },
  ],
});

const waitingAfter = (after: Place | undefined, most: number) =>
  native(conversationModel())
    .find({ status: 'open', ...(after && beyond(after)) })
    .sort(IN_ORDER)
    .limit(most);

/** Reads open conversations in the order of the queue, after this place. */
export const readQueue = (after: Place | undefined, most: number): Promise<ConversationRecord[]> =>
  waitingAfter(after, most).toArray();

/** An open conversation, as far as it matters who may be given it. */
export interface Waiting extends Place {
  readonly revision: number | undefined;
  readonly losses: readonly Loss[];
}

/** As `readQueue`, but only what matters for giving them to agents. */
export async function readWaiting(after: Place | undefined, most: number): Promise<Waiting[]> {
  const rows = await waitingAfter(after, most)
    .project<ConversationRecord>({ urgency: 1, createdAt: 1, revision: 1, lostBy: 1 })
    .toArray();
  return rows.map((row) => ({ ...placeOf(row), revision: row.revision, losses: row.lostBy ?? [] }));
}

/** Writes a place as text for a client. */
export const toCursor = ({ urgency, createdAt, id }: Place): string =>
  Buffer.from(JSON.stringify([urgency, createdAt.getTime(), id])).toString('base64url');

/** Reads what `toCursor` wrote. Throws `VALIDATION_FAILED`. A cursor is a position only: it lets nobody see anything. */
export function fromCursor(cursor: string): Place {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString());
    if (Array.isArray(parsed) && parsed.length === 3) {
      const [urgency, at, id] = parsed as unknown[];
      const createdAt = new Date(Number.isSafeInteger(at) ? (at as number) : Number.NaN);
      if (Number.isSafeInteger(urgency) && typeof id === 'string' && !Number.isNaN(createdAt.getTime()))
        return { urgency: urgency as number, createdAt, id };
    }
  } catch {
    // Told below.
  }
  throw invalid('/data/cursor', 'is not a cursor of ours');
}

/** Finds conversations that these agents have held for so long, by this machine's clock, the longest held first. */
export const heldSince = (agentIds: readonly string[], seconds: number, most: number): Promise<ConversationRecord[]> =>
  assignedFor(seconds, { agentId: { $in: [...agentIds] } }, most);

/** Finds conversations of a team whose agent has said nothing for so long, by this machine's clock, the longest first. */
export const unansweredSince = (supervisorId: string, seconds: number, most: number): Promise<ConversationRecord[]> =>
  assignedFor(seconds, { answeredAt: null, supervisorId }, most);

const assignedFor = (
  seconds: number,
  whose:
    | { readonly agentId: { readonly $in: string[] } }
    | { readonly answeredAt: null; readonly supervisorId: string },
  most: number,
): Promise<ConversationRecord[]> =>
  native(conversationModel())
    .find({ status: 'assigned', ...whose, assignedAt: { $lte: new Date(Date.now() - seconds * 1000) } })
    .sort({ assignedAt: 1 })
    .limit(most)
    .toArray();
