import { CONTENT, newDatabase, startOurs } from '../harness/contestants.ts';
import { openFrames } from '../harness/link.ts';
import type { Progress } from '../harness/progress.ts';
import type { Recorded } from '../harness/recorder.ts';
import type { CommandsResult, Operation } from '../report/results.ts';

/** What each operation asks of the database, counted from the driver's events. */

/** The first time, an operation may do what the next ones needn't. */
const TIMES = 3;

export async function measureCommands(progress: Progress): Promise<CommandsResult> {
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
    return { operations };
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
