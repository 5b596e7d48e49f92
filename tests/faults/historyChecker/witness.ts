import mongoose from 'mongoose';
import { eventually } from '../../support/deadline.ts';

/** A conversation after one of its writes. */
export interface Version {
  readonly status: string;
  readonly agentId: string | null;
  readonly supervisorId: string | null;
  readonly lastSeq: number;
  /** Something of a close is left to do. */
  readonly closing: boolean;
}

/**
 * Watches the conversations from beside: every version each one went through, in the order in which the server carried
 * out the writes. So it knows who was a participant when without asking a clock, or the code under test.
 */
export class Witness {
  readonly #versions = new Map<string, Version[]>();
  readonly #client: mongoose.mongo.MongoClient;
  #stream: mongoose.mongo.ChangeStream | undefined;

  private constructor(client: mongoose.mongo.MongoClient) {
    this.#client = client;
  }

  static async start(uri: string): Promise<Witness> {
    const witness = new Witness(await new mongoose.mongo.MongoClient(uri).connect());
    const { operationTime } = await witness.database.command({ ping: 1 });
    const stream = witness.database.collection('conversations').watch([], { startAtOperationTime: operationTime });
    witness.#stream = stream;
    stream.on('change', (change) => witness.#note(change));
    return witness;
  }

  /** A connection of its own that no disturbance reaches. */
  get database(): mongoose.mongo.Db {
    return this.#client.db();
  }

  /** Every version of a conversation whose close is finished. */
  async testimony(id: string): Promise<readonly Version[]> {
    return eventually('the witness to have seen the end', async () => {
      const versions = this.#versions.get(id) ?? [];
      const last = versions.at(-1);
      return last?.status === 'closed' && !last.closing ? versions : undefined;
    });
  }

  forget(id: string): void {
    this.#versions.delete(id);
  }

  async stop(): Promise<void> {
    await this.#stream?.close();
    await this.#client.close();
  }

  #note(change: mongoose.mongo.ChangeStreamDocument): void {
    if (change.operationType === 'insert') {
      this.#add(String(change.documentKey._id), {}, change.fullDocument);
    } else if (change.operationType === 'update') {
      const { updatedFields = {}, removedFields = [] } = change.updateDescription;
      const removed = Object.fromEntries(removedFields.map((field) => [field, undefined]));
      this.#add(String(change.documentKey._id), this.#versions.get(String(change.documentKey._id))?.at(-1) ?? {}, {
        ...updatedFields,
        ...removed,
      });
    }
  }

  #add(id: string, before: Partial<Version>, changed: Readonly<Record<string, unknown>>): void {
    const closing = Object.hasOwn(changed, 'closing') ? changed['closing'] !== undefined : before.closing === true;
    const version = {
      status: changed['status'] ?? before.status ?? '',
      agentId: Object.hasOwn(changed, 'agentId') ? changed['agentId'] : (before.agentId ?? null),
      supervisorId: Object.hasOwn(changed, 'supervisorId') ? changed['supervisorId'] : (before.supervisorId ?? null),
      lastSeq: changed['lastSeq'] ?? before.lastSeq ?? 0,
      closing,
    } as Version;
    this.#versions.set(id, [...(this.#versions.get(id) ?? []), version]);
  }
}
