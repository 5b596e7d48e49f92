import { randomUUID } from 'node:crypto';
import { within } from '../../tests/support/deadline.ts';
import { CONTENT, type Contestant, startFloor, startOurs, stopAll } from '../harness/contestants.ts';
import { type Link, openFrames } from '../harness/link.ts';
import type { Progress } from '../harness/progress.ts';
import type { Usage } from '../harness/serve.ts';
import type { FanOutResult, FanOutSize } from '../report/results.ts';
import { spread } from '../report/statistics.ts';

/**
 * A message to many connections in a room, beside as many bare posts, as many of them at once. The service's fan-out counts from
 * the commit: from the acknowledgement, less what a bare post to one connection takes.
 */

const SIZES = [2, 10, 100, 1_000];
const MESSAGES = 30;
const WARM_UP = 10;

export async function measureFanOut(
  progress: Progress,
  { sizes = SIZES, messages = MESSAGES } = {},
): Promise<FanOutResult> {
  const starting = [startOurs('Live Support', { MAX_CONNECTIONS_PER_USER: '2000' }), startFloor()] as const;
  try {
    const [ours, floor] = await Promise.all(starting);
    const { candidate, agent, conversationId } = await ours.pair();
    const service = new Crowd(ours, conversationId, (index) =>
      openFrames(ours.address, (index === 0 ? candidate : agent).token),
    );
    const bare = new Crowd(floor, randomUUID(), () => floor.link());
    await bare.grow(1);
    const one: number[] = [];
    for (let round = -WARM_UP; round < messages; round += 1) {
      const { lastMs } = await bare.post();
      if (round >= 0) one.push(lastMs);
    }
    const onePostMs = spread(one).p50;
    const results: FanOutSize[] = [];
    for (const [index, connections] of sizes.entries()) {
      progress.at(`fanOut: ${connections} connections join`, index, sizes.length);
      await Promise.all([service.grow(connections), bare.grow(connections)]);
      const told: { fanOutMs: number; totalMs: number; bareMs: number }[] = [];
      let before = await memory(ours);
      for (let round = -WARM_UP; round < messages; round += 1) {
        progress.at(`fanOut to ${connections}`, index * messages + Math.max(0, round), sizes.length * messages);
        if (round === 0) before = await memory(ours);
        const inTurn = round % 2 === 0;
        const first = inTurn ? await bare.post() : null;
        const { acknowledgedMs, lastMs } = await service.send();
        await ours.server.ask('idle');
        const { lastMs: bareMs } = first ?? (await bare.post());
        if (round >= 0) told.push({ fanOutMs: lastMs - acknowledgedMs + onePostMs, totalMs: lastMs, bareMs });
      }
      const after = await memory(ours);
      results.push({
        connections,
        fanOut: spread(told.map(({ fanOutMs }) => fanOutMs)),
        bare: spread(told.map(({ bareMs }) => bareMs)),
        total: spread(told.map(({ totalMs }) => totalMs)),
        rssMb: after.rssMb,
        heapGrowthMb: after.heapMb - before.heapMb,
        rssGrowthMb: after.rssMb - before.rssMb,
      });
    }
    return { messages, onePostMs, sizes: results };
  } finally {
    await stopAll(starting);
  }
}

async function memory({ server }: Contestant): Promise<Usage> {
  await server.ask('collect');
  return server.usage();
}

/** Everybody in a room. The first one speaks. */
class Crowd {
  readonly #links: Link[] = [];
  readonly #contestant: Contestant;
  readonly #conversationId: string;
  readonly #open: (index: number) => Promise<Link>;
  #missing = 0;
  #allHave: (at: number) => void = () => undefined;

  constructor(contestant: Contestant, conversationId: string, open: (index: number) => Promise<Link>) {
    this.#contestant = contestant;
    this.#conversationId = conversationId;
    this.#open = open;
  }

  /** Lets more join, until there are so many. */
  async grow(size: number): Promise<void> {
    // One after the other: they are connections of one person, who would get in their own way.
    while (this.#links.length < size) {
      const link = await this.#open(this.#links.length);
      await link.join(this.#conversationId);
      link.onMessage = () => {
        this.#missing -= 1;
        if (this.#missing === 0) this.#allHave(performance.now());
      };
      this.#links.push(link);
    }
    await this.#contestant.server.ask('idle');
  }

  /** A message through the service: when it was acknowledged, and when the last one had it. */
  async send(): Promise<{ acknowledgedMs: number; lastMs: number }> {
    const last = this.#last();
    const begun = performance.now();
    await this.#speaker.send(this.#conversationId, CONTENT, randomUUID());
    const acknowledgedMs = performance.now() - begun;
    return { acknowledgedMs, lastMs: (await last) - begun };
  }

  /** As many bare posts. */
  async post(): Promise<{ lastMs: number }> {
    const last = this.#last();
    const begun = performance.now();
    // The floor takes this event for the order to post.
    this.#speaker.tell('CLOSE_CONVERSATION', { ...MESSAGE, conversationId: this.#conversationId });
    return { lastMs: (await last) - begun };
  }

  get #speaker(): Link {
    const [speaker] = this.#links;
    if (!speaker) throw new Error('nobody is in the room');
    return speaker;
  }

  #last(): Promise<number> {
    this.#missing = this.#links.length;
    return within(
      'everybody to have the message',
      new Promise<number>((fulfil) => {
        this.#allHave = fulfil;
      }),
    );
  }
}

/** As many bytes as the service's message has. */
const MESSAGE = {
  id: randomUUID(),
  seq: 1000,
  senderId: randomUUID(),
  senderRole: 'candidate',
  senderName: 'Kim Candidate',
  content: CONTENT,
  clientMessageId: randomUUID(),
  sentAt: new Date(0).toISOString(),
};
