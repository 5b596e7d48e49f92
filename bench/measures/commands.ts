import { CONTENT, newDatabase, startOurs } from '../harness/contestants.ts';
import { openFrames } from '../harness/link.ts';
import type { Progress } from '../harness/progress.ts';
import type { Recorded } from '../harness/recorder.ts';
import type { CommandsResult, Operation, Step } from '../report/results.ts';
import { median } from '../report/statistics.ts';

/** What each operation asks of the database, counted from the driver's events; and what of a send happens when. */

/** The first time, an operation may do what the next ones needn't. */
const TIMES = 3;
/** Of so many sends the times are taken, after as many that are not. */
const SENDS = 200;

export async function measureCommands(progress: Progress, { sends = SENDS } = {}): Promise<CommandsResult> {
  const uri = newDatabase();
  const ours = await startOurs('Live Support', {
    MONGODB_URI: `${uri}${uri.includes('?') ? '&' : '?'}monitorCommands=true`,
    // Its commands would be among those of the operation that it follows.
    DISPATCH_FUNCTION: '',
  });
  try {
    const operations: Operation[] = [];
    const { candidate, agent, conversationId } = await ours.pair();
    const recorded = async (name: string, work: (time: number) => Promise<unknown>, answer?: string) => {
      progress.at('commands', operations.length, 8);
      let all: Recorded[] = [];
      for (let time = 0; time < TIMES; time += 1) {
        await ours.server.ask('idle');
        await ours.server.ask('record');
        await work(time);
        await ours.server.ask('idle');
        all = await ours.server.ask('recorded');
      }
      operations.push(operationOf(name, all, answer));
    };
    const get = (path: string) => ours.desk.ok('GET', path, candidate.token);
    await recorded('connect', () => openFrames(ours.address, candidate.token));
    const links = [
      await openFrames(ours.address, candidate.token),
      await openFrames(ours.address, agent.token),
    ] as const;
    const [link] = links;
    await recorded('join', () => link.join(conversationId), 'CONVERSATION_JOINED');
    await links[1].join(conversationId);
    await recorded('send', (time) => link.send(conversationId, CONTENT, `message ${time}`), 'MESSAGE_ACCEPTED');
    const timed: Recorded[][] = [];
    for (let time = -sends; time < sends; time += 1) {
      progress.at('commands: sends', Math.max(0, time), sends);
      await ours.server.ask('record');
      await link.send(conversationId, CONTENT, `timed message ${time}`);
      await ours.server.ask('idle');
      const all = await ours.server.ask<Recorded[]>('recorded');
      if (time >= 0) timed.push(all);
    }
    await recorded(
      'leave',
      async (time) => {
        // Whoever leaves has to be in: what the join does is not counted.
        if (time > 0) {
          await link.join(conversationId);
          await ours.server.ask('idle');
          await ours.server.ask('record');
        }
        await link.ask('LEAVE_CONVERSATION', { conversationId });
      },
      'CONVERSATION_LEFT',
    );
    await recorded('GET /conversations/{conversationId}', () => get(`/conversations/${conversationId}`));
    await recorded('GET /conversations/{conversationId}/messages', () =>
      get(`/conversations/${conversationId}/messages`),
    );
    await recorded('GET /conversations', () => get('/conversations'));
    await recorded(
      'close',
      async () => {
        const other = await ours.pair();
        const theirs = await openFrames(ours.address, other.agent.token);
        await theirs.join(other.conversationId);
        await theirs.send(other.conversationId, CONTENT, 'the last one');
        await ours.server.ask('idle');
        await ours.server.ask('record');
        await theirs.ask('CLOSE_CONVERSATION', { conversationId: other.conversationId });
      },
      'CONVERSATION_CLOSED',
    );
    return { operations, sends, stepsOfSend: stepsOf(timed) };
  } finally {
    await ours.stop();
  }
}

type Command = Extract<Recorded, { is: 'command' }>;
type Post = Extract<Recorded, { is: 'post' }>;

const READS = ['find', 'aggregate', 'count', 'getMore', 'distinct'];

function operationOf(name: string, all: readonly Recorded[], answer: string | undefined): Operation {
  const commands = all.filter((one): one is Command => one.is === 'command');
  const posts = all.filter((one): one is Post => one.is === 'post');
  const answeredMs = posts.find(({ event }) => event === answer)?.atMs ?? Number.POSITIVE_INFINITY;
  const before = commands.filter(({ begunMs, endedMs }) => begunMs < answeredMs && endedMs <= answeredMs);
  const committedMs = commands.find((command) => command.name === 'commitTransaction')?.endedMs;
  const toldMs = posts.find(({ event }) => event === 'NEW_MESSAGE')?.atMs;
  return {
    name,
    commands: commands.map((command) => command.name),
    beforeAnswer: before.length,
    inSequence: longestChain(before),
    readsBeforeTelling:
      committedMs === undefined || toldMs === undefined
        ? null
        : commands.filter(
            (command) => READS.includes(command.name) && command.begunMs >= committedMs && command.begunMs < toldMs,
          ).length,
  };
}

/** When each step of an operation began and ended, from the call of its function: the medians over all times it was done. */
function stepsOf(times: readonly Recorded[][]): Step[] {
  const steps = new Map<string, { begunMs: number[]; endedMs: number[] }>();
  for (const all of times) {
    const calledMs = all.find((one) => one.is === 'call')?.atMs ?? 0;
    const met = new Map<string, number>();
    for (const one of all) {
      if (one.is === 'call') continue;
      const what = one.is === 'post' ? one.event : [one.name, one.collection ?? []].flat().join(' ');
      const nth = (met.get(what) ?? 0) + 1;
      met.set(what, nth);
      const name = nth === 1 ? what : `${what}, ${nth}`;
      const step = steps.get(name) ?? { begunMs: [], endedMs: [] };
      steps.set(name, step);
      const [begunMs, endedMs] = one.is === 'post' ? [one.atMs, one.atMs] : [one.begunMs, one.endedMs];
      step.begunMs.push(begunMs - calledMs);
      step.endedMs.push(endedMs - calledMs);
    }
  }
  return [...steps]
    .filter(([, { begunMs }]) => begunMs.length > times.length / 2)
    .map(([name, { begunMs, endedMs }]) => ({ name, begunMs: median(begunMs), endedMs: median(endedMs) }))
    .sort((a, b) => a.endedMs - b.endedMs);
}

/** How many commands at most ran one after the other: no two of them at once. */
export function longestChain(commands: readonly { readonly begunMs: number; readonly endedMs: number }[]): number {
  let [length, endMs] = [0, Number.NEGATIVE_INFINITY];
  for (const { begunMs, endedMs } of commands.toSorted((a, b) => a.endedMs - b.endedMs)) {
    if (begunMs < endMs) continue;
    length += 1;
    endMs = endedMs;
  }
  return length;
}
