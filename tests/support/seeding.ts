import { randomUUID } from 'node:crypto';
import { type ConversationRecord, conversationModel } from '../../lib/store/conversations.ts';

/** Where random numbers come from: 0 or more and below 1. */
export type Random = () => number;

/** The same numbers every time (mulberry32). */
export function seeded(seed: number): Random {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

export interface Population {
  readonly candidates: readonly string[];
  /** Whom they have been with, the last one most often: some have changed teams. */
  readonly agents: readonly { readonly id: string; readonly supervisors: readonly string[] }[];
  readonly supervisors: readonly string[];
}

export interface Past {
  /** Epoch milliseconds: the conversations are opened evenly between the two. */
  readonly from: number;
  readonly to: number;
  readonly count: number;
  /** The share that is still open, and that is assigned; of the closed ones every twentieth was closed while open. */
  readonly open?: number;
  readonly assigned?: number;
}

/** Conversations as years of use leave them behind, oldest first. They have no messages. */
export function* pastConversations(people: Population, past: Past, random: Random): Generator<ConversationRecord> {
  const { from, to, count, open = 0.005, assigned = 0.005 } = past;
  const pick = <T>(all: readonly T[]): T => all[Math.floor(random() * all.length)] as T;
  /** From seconds to days, most of them short. */
  const duration = (longestMs: number) => Math.round(Math.exp(random() * Math.log(longestMs)));
  for (let index = 0; index < count; index += 1) {
    const createdAt = new Date(from + Math.floor(((to - from) * index) / count) + Math.floor(random() * 1000));
    const agent = pick(people.agents);
    const given = {
      agentId: agent.id,
      supervisorId: (random() < 0.9 ? agent.supervisors.at(-1) : pick(agent.supervisors)) ?? null,
      assignedAt: createdAt,
      firstResponseAt: random() < 0.9 ? new Date(createdAt.getTime() + duration(3_600_000)) : null,
    };
    const waiting = { agentId: null, supervisorId: null, assignedAt: null, firstResponseAt: null };
    const fate = random();
    const status = fate < open ? 'open' : fate < open + assigned ? 'assigned' : 'closed';
    const handled = status === 'assigned' || (status === 'closed' && random() < 0.95);
    const closedAt = new Date(Math.min(to, createdAt.getTime() + 3_600_000 + duration(3 * 24 * 3_600_000)));
    yield {
      _id: randomUUID(),
      subject: 'As it was',
      candidateId: pick(people.candidates),
      lastSeq: 0,
      createdAt,
      ...(handled ? given : waiting),
      status,
      closedAt: status === 'closed' ? closedAt : null,
      closedBy: status !== 'closed' ? null : handled ? agent.id : pick(people.supervisors),
      lastMessageAt: null,
      archivedAt: status === 'closed' ? closedAt : null,
    };
  }
}

/** Stores conversations as they are, in batches. */
export async function insertPast(conversations: Iterable<ConversationRecord>): Promise<void> {
  const store = (batch: ConversationRecord[]) => conversationModel().collection.insertMany(batch as never[]);
  let batch: ConversationRecord[] = [];
  for (const conversation of conversations) {
    batch.push(conversation);
    if (batch.length < 5_000) continue;
    await store(batch);
    batch = [];
  }
  if (batch.length > 0) await store(batch);
}
