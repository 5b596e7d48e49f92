import mongoose from 'mongoose';
import { eventually } from '../../support/deadline.ts';
import type { AuditState, Commit, ConversationState, Moment, UserState, Write } from './ledger.ts';

type Document = Readonly<Record<string, unknown>>;
type Collection = Write['of'];

/** A collection that nothing but this uses: what is written into it stands for a moment. */
const MARKS = 'marks';

interface Noted {
  readonly transaction: string;
  readonly at: number;
  readonly writes: Write[];
  readonly moment?: Moment;
}

/**
 * Watches the desk's records from beside: every write, in the order in which the database carried them out, and which of them
 * are one transaction.
 */
export class DeskWitness {
  readonly #client: mongoose.mongo.MongoClient;
  #stream: mongoose.mongo.ChangeStream | undefined;
  readonly #documents: Record<Collection, Map<string, Document>> = {
    users: new Map(),
    conversations: new Map(),
    audit: new Map(),
  };
  #commits: Noted[] = [];
  readonly #passed = new Set<string>();
  #serial = 0;
  #failure: unknown;

  private constructor(client: mongoose.mongo.MongoClient) {
    this.#client = client;
  }

  static async start(uri: string): Promise<DeskWitness> {
    const witness = new DeskWitness(await new mongoose.mongo.MongoClient(uri).connect());
    const { operationTime } = await witness.database.command({ ping: 1 });
    const ours = { 'ns.coll': { $in: ['users', 'conversations', 'audit', MARKS] } };
    const stream = witness.database.watch([{ $match: ours }], { startAtOperationTime: operationTime });
    witness.#stream = stream;
    stream.on('change', (change) => witness.#note(change));
    stream.on('error', (error) => {
      witness.#failure = error;
    });
    return witness;
  }

  /** A connection of its own that no disturbance reaches. */
  get database(): mongoose.mongo.Db {
    return this.#client.db();
  }

  /** Begins anew, at a quiet moment. Returns how everything stands. */
  async begin(): Promise<{ users: Map<string, UserState>; conversations: Map<string, ConversationState> }> {
    await this.mark();
    for (const [name, documents] of Object.entries(this.#documents)) {
      documents.clear();
      const rows = await this.database.collection<Document & { _id: string }>(name).find().toArray();
      for (const row of rows) documents.set(row._id, row);
    }
    this.#commits = [];
    const { users, conversations } = this.#documents;
    return {
      users: new Map([...users].map(([id, it]) => [id, toUser(it)])),
      conversations: new Map([...conversations].map(([id, it]) => [id, toConversation(it)])),
    };
  }

  /** Notes a moment among the commits. */
  async note(moment?: Moment): Promise<string> {
    this.#serial += 1;
    const _id = `mark ${this.#serial}`;
    await this.database.collection<{ _id: string }>(MARKS).insertOne({ _id, ...(moment && { moment }) });
    return _id;
  }

  /** As `note`, and waits until everything that was written before is known. */
  async mark(moment?: Moment): Promise<void> {
    const id = await this.note(moment);
    await eventually('the witness to have seen it all', async () => {
      if (this.#failure) throw this.#failure;
      return this.#passed.has(id);
    });
  }

  /** Every commit since `begin`. */
  get commits(): readonly Commit[] {
    return this.#commits;
  }

  async stop(): Promise<void> {
    await this.#stream?.close();
    await this.#client.close();
  }

  #note(change: mongoose.mongo.ChangeStreamDocument): void {
    if (!('documentKey' in change) || !('ns' in change) || !('coll' in change.ns)) return;
    const at = change.wallTime?.getTime() ?? Date.now();
    const id = String(change.documentKey._id);
    const name = change.ns.coll;
    if (name === MARKS) {
      this.#passed.add(id);
      const moment = 'fullDocument' in change ? (change.fullDocument as { moment?: Moment }).moment : undefined;
      if (moment) this.#commits.push({ transaction: id, at, writes: [], moment });
      return;
    }
    const documents = this.#documents[name as Collection];
    if (change.operationType === 'delete') return void documents.delete(id);
    const document = after(documents.get(id) ?? {}, change);
    documents.set(id, document);
    const { lsid, txnNumber, clusterTime } = change as {
      lsid?: { id: { toString(): string } };
      txnNumber?: unknown;
    } & {
      clusterTime?: unknown;
    };
    const number = txnNumber === undefined ? '' : `${lsid?.id.toString()} ${txnNumber}`;
    const transaction = `${String(clusterTime)} ${number || `alone ${this.#commits.length}`}`;
    const last = this.#commits.at(-1);
    const write = writeOf(name as Collection, id, document);
    if (last?.transaction === transaction) last.writes.push(write);
    else this.#commits.push({ transaction, at, writes: [write] });
  }
}

function writeOf(of: Collection, id: string, document: Document): Write {
  if (of === 'users') return { of, id, after: toUser(document) };
  if (of === 'conversations') return { of, id, after: toConversation(document) };
  return { of, id, after: toAudit(document) };
}

function toUser(it: Document): UserState {
  const until = it['availableUntil'];
  const { automatic, leased, maxConversations, routing } = it;
  return {
    role: String(it['role']),
    active: it['active'] === true,
    supervisorId: (it['supervisorId'] ?? null) as string | null,
    assignedCount: it['assignedCount'] as number,
    ...(automatic !== undefined && { automatic: automatic === true }),
    ...(leased !== undefined && { leased: leased === true }),
    ...(until instanceof Date && { availableUntil: until.getTime() }),
    ...(typeof maxConversations === 'number' && { maxConversations }),
    ...(routing !== undefined && { routing: routing as { mode: string } }),
  };
}

const toConversation = (it: Document): ConversationState => ({
  status: String(it['status']),
  agentId: (it['agentId'] ?? null) as string | null,
  supervisorId: (it['supervisorId'] ?? null) as string | null,
  closedBy: (it['closedBy'] ?? null) as string | null,
  revision: (it['revision'] ?? 0) as number,
  urgency: (it['urgency'] ?? 1) as number,
});

const toAudit = (it: Document): AuditState => ({
  action: String(it['action']),
  actorId: (it['actorId'] ?? null) as string | null,
  targetId: (it['targetId'] ?? null) as string | null,
  details: (it['details'] ?? {}) as Record<string, string>,
});

/** The document after a change. */
function after(before: Document, change: mongoose.mongo.ChangeStreamDocument): Document {
  if (change.operationType === 'insert' || change.operationType === 'replace') return change.fullDocument as Document;
  if (change.operationType !== 'update') return before;
  const { updatedFields = {}, removedFields = [] } = change.updateDescription;
  const next: Record<string, unknown> = { ...before };
  // Parts of a field, such as `room.0`, are of none that matters here.
  for (const [name, value] of Object.entries(updatedFields)) if (!name.includes('.')) next[name] = value;
  for (const name of removedFields) delete next[name];
  // But for this one.
  const routing = Object.entries(updatedFields).filter(([name]) => name.startsWith('routing.'));
  if (routing.length > 0) {
    const parts = routing.map(([name, value]) => [name.slice('routing.'.length), value] as const);
    next['routing'] = { ...(next['routing'] as Document | undefined), ...Object.fromEntries(parts) };
  }
  return next;
}
