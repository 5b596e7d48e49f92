import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import mongoose from 'mongoose';
import type { SupervisorAnalytics } from '../../lib/protocol/objects/analytics.ts';
import type { Message } from '../../lib/protocol/objects/conversations.ts';
import { eventually } from '../support/deadline.ts';
import { type Emulator, startEmulator } from '../support/emulator.ts';
import { PROJECT, Running } from '../support/process.ts';

/** The README's walk-throughs: their very lines, in real shells, with the real curl and wscat, against the emulator. */

let system: Emulator;
let database: mongoose.Connection;
const terminals: Running[] = [];

beforeAll(async () => {
  system = await startEmulator();
  database = await mongoose.createConnection(system.databaseUri).asPromise();
});

afterAll(async () => {
  await Promise.all(terminals.map((terminal) => terminal.interrupt()));
  await database?.close();
  await system?.stop();
});

/** What is in the `bash` blocks of a part of the README, in order. */
function blocks(part: 'walk-through' | 'desk-at-work'): string[] {
  const readme = readFileSync(`${PROJECT}/README.md`, 'utf8');
  const text = readme.split(new RegExp(`<!-- /?${part} -->`))[1] ?? '';
  return [...text.matchAll(/^```bash\n([\s\S]*?)^```$/gm)].map(([, lines = '']) =>
    lines
      .replaceAll('localhost:3000', `localhost:${system.ports.http}`)
      .replaceAll('localhost:3001', `localhost:${system.ports.webSocket}`),
  );
}

/** A shell to paste into; answers what a paste printed. */
function openShell(): (paste: string) => Promise<string> {
  const shell = new Running(['bash', '--norc', '--noprofile']);
  terminals.push(shell);
  let pasted = 0;
  return async (paste) => {
    const from = shell.output.length;
    pasted += 1;
    shell.type(`${paste}\necho "end of paste" ${pasted}`);
    await shell.printed(new RegExp(`^end of paste ${pasted}$`, 'm'));
    return shell.output
      .slice(from)
      .replace(/^end of paste \d+$/m, '')
      .trim();
  };
}

interface Frame {
  readonly event: string;
  // biome-ignore lint/suspicious/noExplicitAny: a test looks at whatever came back.
  readonly data: any;
}

/** The `npx wscat` line in a terminal of its own. It shows each frame it receives as a line. */
class Wscat {
  readonly #terminal: Running;

  constructor(line: string) {
    this.#terminal = new Running(['bash', '-c', `exec ${line}`]);
    terminals.push(this.#terminal);
  }

  /** Types the frame until it is answered: before it says `Connected`, which it says on a screen only, wscat drops it. */
  async first(frame: string, answer: string): Promise<Frame> {
    await eventually(answer, async () => {
      if (this.frames(answer).length > 0) return true;
      this.#terminal.type(frame);
      // Not to be answered more often than need be.
      await sleep(300);
      return false;
    });
    return this.next(answer, () => true);
  }

  join(frame: string): Promise<Frame> {
    return this.first(frame, 'CONVERSATION_JOINED');
  }

  type(frame: string): void {
    this.#terminal.type(frame);
  }

  frames(event: string): Frame[] {
    // `> ` is where it waits for input. The last line may not be complete yet.
    const lines = this.#terminal.output.split('\n').slice(0, -1);
    const frames = lines.map((line) => line.replace(/^(> )+/, '')).filter((line) => line.startsWith('{'));
    return frames.map((frame) => JSON.parse(frame) as Frame).filter((frame) => frame.event === event);
  }

  async next(event: string, like: (frame: Frame) => boolean): Promise<Frame> {
    return eventually(`${event} in wscat`, async () => this.frames(event).find(like));
  }

  async seen(content: string): Promise<Frame> {
    return this.next('NEW_MESSAGE', ({ data }) => data.content === content);
  }

  async drop(): Promise<void> {
    await this.#terminal.interrupt();
  }
}

/** The `npx wscat` lines and the frames of what is to be pasted into other terminals. */
function toPaste(printed: string): { connects: string[]; frames: string[] } {
  const lines = printed.split('\n');
  return {
    connects: lines.filter((line) => line.startsWith('npx wscat ')),
    frames: lines.filter((line) => line.startsWith('{')),
  };
}

it('the walk-through works as written', async () => {
  const [signIn = '', open = '', assign = '', paste = '', afterwards = ''] = blocks('walk-through');
  const shell = openShell();
  expect(await shell(signIn)).toBe('');
  const opened = JSON.parse(await shell(open));
  expect(opened).toMatchObject({ status: 'open', lastSeq: 1 });
  const assigned = JSON.parse(await shell(assign));
  expect(assigned).toMatchObject({ id: opened.id, status: 'assigned' });

  const { connects, frames } = toPaste(await shell(paste));
  const [candidateLine = '', agentLine = ''] = connects;
  const [join = '', fromCandidate = '', , fromAgent = '', joinAgain = '', close = ''] = frames;
  const content = (frame: string): string => JSON.parse(frame).data.content;

  const candidate = new Wscat(candidateLine);
  const agent = new Wscat(agentLine);
  expect((await candidate.join(join)).data.messages).toMatchObject([{ seq: 1, content: 'Hello, is anybody there?' }]);
  const { unread: _, ...told } = assigned as { unread: unknown };
  expect((await agent.join(join)).data.conversation).toEqual(told);

  candidate.type(fromCandidate);
  await Promise.all([candidate.seen(content(fromCandidate)), agent.seen(content(fromCandidate))]);
  await candidate.next('MESSAGE_ACCEPTED', ({ data }) => data.seq === 2);

  await candidate.drop();
  agent.type(fromAgent);
  await agent.seen(content(fromAgent));
  const back = new Wscat(candidateLine);
  expect((await back.join(joinAgain)).data).toMatchObject({
    messages: [
      { seq: 2, content: content(fromCandidate) },
      { seq: 3, content: content(fromAgent) },
    ],
    nextAfterSeq: null,
  });
  back.type(fromCandidate);
  await Promise.all([back.seen(content(fromCandidate)), agent.next('NEW_MESSAGE', ({ data }) => data.seq === 4)]);
  const { items: before }: { items: Message[] } = JSON.parse((await shell(afterwards)).split('\n')[0] ?? '');

  agent.type(close);
  const [toCandidate, toAgent] = await Promise.all(
    [back, agent].map((end) => end.next('CONVERSATION_CLOSED', () => true)),
  );
  expect(toCandidate?.data).toMatchObject({ conversationId: opened.id, closedBy: assigned.agentId, lastSeq: 4 });
  expect(toAgent?.data).toEqual(toCandidate?.data);

  const held = (collection: string) => database.collection(collection).countDocuments({ conversationId: opened.id });
  await eventually('the active copies to expire', async () => (await held('active_messages')) === 0);
  expect(await held('messages')).toBe(4);

  const [transcript = '', analytics = ''] = (await shell(afterwards)).split('\n');
  const { items: after }: { items: Message[] } = JSON.parse(transcript);
  expect(after).toEqual(before);
  expect(after.map(({ seq }) => seq)).toEqual([1, 2, 3, 4]);
  const { supervisors, totals }: SupervisorAnalytics = JSON.parse(analytics);
  expect(supervisors.find(({ supervisor }) => supervisor.id === assigned.supervisorId)).toMatchObject({
    supervisor: { email: 'supervisor1@example.com' },
    closedConversations: 1,
    agents: expect.arrayContaining([expect.objectContaining({ id: assigned.agentId, closedConversations: 1 })]),
  });
  expect(totals.closedConversations).toBe(1);
});

it('the desk at work works as written', async () => {
  const [signIn = ''] = blocks('walk-through');
  const [begin = '', write = '', look = ''] = blocks('desk-at-work');
  const shell = openShell();
  await shell(signIn);
  const printed = await shell(begin);
  expect(JSON.parse(printed.split('\n')[0] ?? '')).toMatchObject({ mode: 'automatic', requeueAfterSeconds: 60 });
  const { connects, frames } = toPaste(printed.slice(printed.indexOf('\n')));
  const [supervisorLine = '', agentLine = ''] = connects;
  const [watch = '', available = ''] = frames;
  const isOf = (id: string) => (data: Frame['data']) => data.conversation.id === id;

  const supervisor = new Wscat(supervisorLine);
  await supervisor.first(watch, 'QUEUE_WATCHED');
  const agent = new Wscat(agentLine);
  const begun = Date.now();
  const { until } = (await agent.first(available, 'AVAILABILITY_SET')).data;
  expect(Date.parse(until) - begun).toBeGreaterThanOrEqual(149_000);
  const { user } = (await supervisor.next('AGENT_CHANGED', () => true)).data;
  expect(user).toMatchObject({ email: 'agent3@example.com', availability: 'available' });

  const ids = (await shell(write)).split('\n');
  expect(ids).toHaveLength(2);
  const changed = (id: string, reason: string) =>
    supervisor.next('QUEUE_CHANGED', ({ data }) => isOf(id)(data) && data.reason === reason);
  for (const id of ids) {
    await agent.next('CONVERSATION_ASSIGNED', ({ data }) => isOf(id)(data) && data.conversation.agentId === user.id);
    await changed(id, 'opened');
    expect((await changed(id, 'assigned')).data.conversation).toMatchObject({ status: 'assigned', agentId: user.id });
  }

  await agent.drop();
  // A minute of absence, and a tick.
  const past = new Date(Date.now() - 61_000);
  const people = database.collection<{ _id: string }>('users');
  await people.updateOne({ _id: user.id }, { $set: { availableUntil: past } });
  await database.collection('conversations').updateMany({ agentId: user.id }, { $set: { assignedAt: past } });
  const clock = `http://localhost:${system.ports.lambda}/2015-03-31/functions/live-support-dev-dispatch/invocations`;
  expect((await fetch(clock, { method: 'POST', body: '{"tick":true}' })).status).toBe(200);
  await supervisor.next('AGENT_CHANGED', ({ data }) => data.user.availability === 'away');
  for (const id of ids) {
    expect((await changed(id, 'requeued')).data.conversation).toMatchObject({ status: 'open', requeues: 1 });
  }
  const { items } = JSON.parse(await shell(look));
  expect(items).toMatchObject(ids.toReversed().map((id) => ({ id, requeues: 1 })));

  const back = new Wscat(agentLine);
  await back.first(available, 'AVAILABILITY_SET');
  for (const id of ids) await back.next('CONVERSATION_ASSIGNED', ({ data }) => isOf(id)(data));
});
