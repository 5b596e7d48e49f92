import mongoose from 'mongoose';
import type { Socket } from '../../support/socket.ts';
import type { Desk, System } from '../../support/system.ts';

/** A system to run a suite on; one that runs its functions here can also say when none runs any more. */
export interface Started {
  readonly system: System & { readonly gateway?: { idle(): Promise<void> } };
  readonly desk: Desk;
}

/** Suites ask for it each; whoever runs them ends it. */
export type Start = () => Promise<Started>;

/** One system for all suites of a test file, started when the first of them asks, and ended when all are done. */
export function oneSystem(start: Start): Start {
  let started: Promise<Started> | undefined;
  afterAll(async () => (await started)?.system.stop());
  return () => {
    started ??= start();
    return started;
  };
}

/**
 * Nothing is under way any more that could still reach these sockets: no function runs (where that can be known), and
 * what each asks now is answered.
 */
export async function quiet(system: Started['system'], ...sockets: Socket[]): Promise<void> {
  await system.gateway?.idle();
  await Promise.all(sockets.map((socket) => socket.settle()));
}

/** A look into the system's database from outside, to see that a refusal changed nothing. */
export class Records {
  readonly #client: mongoose.mongo.MongoClient;

  constructor(databaseUri: string) {
    this.#client = new mongoose.mongo.MongoClient(databaseUri);
  }

  /** The documents of a collection, in the order of their ids, but for what merely counts how often somebody came. */
  async all(collection: string, filter: Record<string, unknown> = {}): Promise<unknown[]> {
    return this.#client
      .db()
      .collection(collection)
      .find(filter, { projection: { admissions: 0 } })
      .sort({ _id: 1 })
      .toArray();
  }

  async close(): Promise<void> {
    await this.#client.close();
  }
}
