import { readFileSync } from 'node:fs';
import type { ServerFrame } from '../../lib/protocol/events.ts';
import type { Conversation, Message } from '../../lib/protocol/objects/conversations.ts';
import { check, misled } from '../faults/historyChecker/check.ts';
import type { Invocation, Post } from '../faults/historyChecker/disturbance.ts';
import type { History, Link, Outcome, ReadAttempt, SendAttempt } from '../faults/historyChecker/history.ts';
import { ROLES, type RoleName } from '../faults/historyChecker/scenario.ts';
import type { Version } from '../faults/historyChecker/witness.ts';
import type { Players } from '../faults/historyChecker/world.ts';
import { PROJECT } from '../support/process.ts';

/** The history checker complains where something is wrong: each of its complaints, by a history made for it. */

/** As the checker gets them, but to be changed. */
type Mutable<T> = T extends (infer I)[]
  ? Mutable<I>[]
  : T extends readonly (infer I)[]
    ? Mutable<I>[]
    : T extends ReadonlySet<infer I>
      ? Set<I>
      : T extends object
        ? { -readonly [K in keyof T]: Mutable<T[K]> }
        : T;

const conversationId = 'the conversation';
const at = (second: number): string => new Date(second * 1000).toISOString();

const message = (seq: number, senderId: RoleName, content: string): Message => ({
  id: `m${seq}`,
  conversationId,
  seq,
  senderId,
  senderRole: senderId === 'candidate' ? 'candidate' : 'agent',
  senderName: senderId,
  content,
  clientMessageId: content,
  sentAt: at(seq),
});

const invocation = (startedAt: number, posts: Post[] = []): Invocation =>
  ({ key: `${startedAt}`, startedAt, endedAt: startedAt + 1, clean: true, posts }) as unknown as Invocation;

const frame = (event: string, data: unknown): ServerFrame => ({ event, data }) as unknown as ServerFrame;

const joined = (messages: Message[]) =>
  frame('CONVERSATION_JOINED', { conversation: {}, messages, nextAfterSeq: null });

const accepted = ({ id: messageId, seq, clientMessageId, sentAt }: Message, duplicate = false) =>
  frame('MESSAGE_ACCEPTED', { conversationId, messageId, seq, clientMessageId, sentAt, duplicate });

const link = (tab: string, of: RoleName, joinedAt: number, answer: ServerFrame, later: ServerFrame[]): Link => ({
  tab,
  of,
  connectionId: tab,
  frames: [answer, ...later].map((it, index) => ({ at: joinedAt + index, frame: it })),
  joins: [{ invocation: invocation(joinedAt), afterSeq: 0, answer }],
  leaves: [],
  troubles: [],
});

/** As an assignment is answered. */
const assigned = (agentId: RoleName, when: number) => ({ agentId, agent: { id: agentId }, assignedAt: at(when) });

const assigning = (agentId: RoleName, when: number): Invocation =>
  invocation(when, [telling('CONVERSATION_ASSIGNED', assigned(agentId, when), when)]);

const telling = (event: string, conversation: unknown, when: number): Post => ({
  connectionId: 'c1',
  frame: { event, data: { conversation } },
  at: when,
  outcome: 'delivered',
});

interface Played {
  readonly history: Mutable<History>;
  readonly outcome: Mutable<Outcome>;
  /** What the cases below change most, by name. */
  readonly c1: Mutable<Link>;
  readonly a1: Mutable<Link>;
  readonly x1: Mutable<Link>;
  readonly first: Mutable<SendAttempt>;
  readonly second: Mutable<SendAttempt>;
  readonly repeat: Mutable<SendAttempt>;
  readonly reading: Mutable<ReadAttempt>;
}

/**
 * Candidate and agent join and say something each, the agent sends theirs twice, it is read, given to another agent, and
 * closed. A stranger is refused.
 */
function good(): Played {
  const messages = [message(1, 'candidate', 'hello'), message(2, 'agent1', 'good day')];
  const [hello, goodDay] = messages as [Message, Message];
  const told = messages.map((it) => frame('NEW_MESSAGE', it));
  const end = { conversationId, closedAt: at(9), closedBy: 'agent2', lastSeq: 2 };
  const closed = frame('CONVERSATION_CLOSED', end);
  const c1 = link('c1', 'candidate', 1, joined([]), [...told, closed]);
  const a1 = link('a1', 'agent1', 5, joined([]), told);
  const x1 = link('x1', 'stranger', 7, frame('ERROR', { code: 'NOT_FOUND', message: '', event: null }), []);
  const posts = (what: Message, when: number): Post[] =>
    [c1, a1].map(({ connectionId }) => ({
      connectionId,
      frame: { event: 'NEW_MESSAGE', data: { ...what } },
      at: when,
      outcome: 'delivered',
    }));
  const send = (from: Link, what: Message, when: number, answer: ServerFrame, told: Post[] = []): SendAttempt => ({
    of: from.of,
    link: from,
    clientMessageId: what.clientMessageId,
    after: null,
    content: what.content,
    invocation: invocation(when, told),
    answer,
  });
  const sends = [
    send(c1, hello, 10, accepted(hello), posts(hello, 10)),
    send(a1, goodDay, 20, accepted(goodDay), posts(goodDay, 20)),
    send(a1, goodDay, 30, accepted(goodDay, true)),
  ];
  const ok = (body: unknown) => ({ status: 200, headers: {}, body });
  const reads: ReadAttempt[] = [
    {
      of: 'candidate',
      invocation: invocation(40),
      afterSeq: 0,
      answer: ok({ items: [...messages], nextAfterSeq: null }),
    },
  ];
  const version = (agentId: RoleName | null, lastSeq: number, status = 'assigned'): Version => ({
    status,
    agentId,
    supervisorId: agentId && 'supervisor1',
    lastSeq,
    closing: false,
  });
  const history: History = {
    scenario: { seed: 0, openings: [], tabs: [], bursts: [] },
    players: Object.fromEntries(ROLES.map((role) => [role, { user: { id: role } }])) as unknown as Players,
    conversationId,
    trace: [],
    complaints: [],
    opens: [{ invocation: invocation(0), answer: { ...ok({ id: conversationId }), status: 201 } }],
    links: [c1, a1, x1],
    sends,
    assigns: [
      { to: 'agent1', invocation: assigning('agent1', 3), answer: ok(assigned('agent1', 3)) },
      { to: 'agent2', invocation: assigning('agent2', 50), answer: ok(assigned('agent2', 50)) },
    ],
    closes: [{ invocation: invocation(60), overlapped: false, won: true }],
    reads,
  };
  const outcome: Outcome = {
    conversation: { id: conversationId, status: 'closed', ...end } as unknown as Conversation,
    opened: 1,
    messages,
    messagesLater: messages.map((it) => ({ ...it })),
    permanent: 2,
    active: 0,
    versions: [
      version(null, 0, 'open'),
      version('agent1', 0),
      version('agent1', 1),
      version('agent1', 2),
      version('agent2', 2),
      version('agent2', 2, 'closed'),
    ],
    remembered: new Set(),
  };
  const [first, second, repeat] = sends as [SendAttempt, SendAttempt, SendAttempt];
  return { history, outcome, c1, a1, x1, first, second, repeat, reading: reads[0] } as unknown as Played;
}

const found = ({ history, outcome }: Played): string[] => check(history as unknown as History, outcome as Outcome);

it('has nothing to say of a good history', () => {
  expect(found(good())).toEqual([]);
});

it('passes on what was wrong while it was played', () => {
  const played = good();
  played.history.complaints.push('a frame of no protocol');
  expect(found(played)).toEqual(['a frame of no protocol']);
});

const answer = (status: number, body: unknown = {}) => ({ status, headers: {}, body });
const heard = (played: Played): { closedBy: string } =>
  played.c1.frames.find((it) => it.frame.event === 'CONVERSATION_CLOSED')?.frame.data as { closedBy: string };

/** What is done to the good history, by the complaint it is to bring about; the first words will do. */
const WRONG: Readonly<Record<string, (played: Played) => void>> = {
  'an acknowledged message is not in the history as acknowledged': ({ first }) => {
    first.answer = accepted({ ...message(1, 'candidate', 'hello'), id: 'another' }) as never;
  },
  'a message was stored twice': ({ outcome }) => {
    outcome.messages.push({ ...message(3, 'agent1', 'good day') });
  },
  'a message nobody sent': ({ outcome }) => {
    outcome.messages.push(message(3, 'agent1', 'who said that?'));
  },
  'a repeated send was given another seq': ({ repeat }) => {
    repeat.answer = accepted({ ...message(2, 'agent1', 'good day'), seq: 3 }, true) as never;
  },
  'stored anew twice': ({ repeat }) => {
    repeat.answer = accepted(message(2, 'agent1', 'good day'), false) as never;
  },
  'seq is not 1..lastSeq': ({ outcome }) => {
    outcome.conversation.lastSeq = 3;
  },
  'sentAt runs backwards': ({ outcome }) => {
    for (const it of outcome.messages) it.sentAt = at(5 - it.seq);
  },
  'two reads disagree': ({ outcome }) => {
    outcome.messagesLater.pop();
  },
  'seq was not counted by ones': ({ outcome }) => {
    outcome.versions.splice(2, 1);
  },
  'a message was stored before the one it was sent after': ({ second }) => {
    second.after = 'never said';
  },
  'out of order, although what it was sent after was there': ({ history, repeat }) => {
    const tooEarly = frame('ERROR', { code: 'OUT_OF_ORDER', message: '', event: null });
    history.sends.push({
      ...repeat,
      after: 'good day',
      invocation: invocation(45) as never,
      answer: tooEarly as never,
    });
  },
  'closed before what the close waits for was stored': ({ history, a1 }) => {
    for (const close of history.closes) Object.assign(close, { link: a1, after: 'never said' });
  },
  'opened twice under one name': ({ outcome }) => {
    outcome.opened = 2;
  },
  'opened as new twice': ({ history }) => {
    history.opens.push(...history.opens);
  },
  'an untroubled opening was not answered': ({ history }) => {
    history.opens.push({ invocation: invocation(0) as never, answer: answer(409, { title: 'Conflict' }) });
  },
  'a phantom at c1': ({ c1 }) => {
    c1.frames.push({ at: 99, frame: frame('NEW_MESSAGE', message(1, 'candidate', 'hallo')) as never });
  },
  'a phantom in a reading': ({ reading }) => {
    reading.answer.body.items[0] = message(1, 'candidate', 'hallo');
  },
  'a reading with a hole': ({ reading }) => {
    reading.answer.body.items.shift();
  },
  'a reading misses what was acknowledged before': ({ reading }) => {
    reading.answer.body.items.pop();
  },
  'a join misses what was acknowledged before': ({ c1 }) => {
    c1.joins.push({ invocation: invocation(45) as never, afterSeq: 0, answer: joined([]) as never });
  },
  'a closed conversation changed': ({ outcome }) => {
    const last = outcome.versions.at(-1);
    if (last) outcome.versions.push({ ...last, status: 'assigned' });
  },
  'two closes won': ({ history }) => {
    history.closes.push({ invocation: invocation(62) as never, overlapped: false, won: true });
  },
  'not archived': ({ outcome }) => {
    outcome.permanent = 1;
  },
  'active copies that never expire': ({ outcome }) => {
    outcome.active = 1;
  },
  'c1 heard of the close too often': ({ c1 }) => {
    const last = c1.frames.at(-1);
    if (last) c1.frames.push(last);
  },
  'a CONVERSATION_CLOSED that is not so': (played) => {
    heard(played).closedBy = 'agent1';
  },
  'more assigns won than there were': ({ history }) => {
    history.assigns.push({
      to: 'agent2',
      invocation: invocation(52) as never,
      answer: answer(200, assigned('agent2', 52)),
    });
  },
  'assigned to another': ({ history }) => {
    history.assigns.push({
      to: 'agent2',
      invocation: invocation(52) as never,
      answer: answer(200, assigned('agent3', 50)),
    });
  },
  'more was given back than there was': ({ history }) => {
    history.assigns.push({ to: null, invocation: invocation(52) as never, answer: answer(200) });
  },
  'open with somebody, or assigned to nobody': ({ outcome }) => {
    const last = outcome.versions.at(-2);
    if (last) last.supervisorId = null;
  },
  'an assignment was told twice': ({ history }) => {
    const again = assigning('agent2', 50);
    history.assigns.push({ to: 'agent2', invocation: again as never, answer: answer(200, assigned('agent2', 50)) });
  },
  'told too often that it was given back': ({ history }) => {
    const told = invocation(52, [telling('CONVERSATION_REQUEUED', {}, 52)]);
    history.assigns.push({ to: null, invocation: told as never, answer: answer(409) });
  },
  'a stranger was told': ({ x1 }) => {
    x1.frames.push({ at: 99, frame: frame('PONG', {}) as never });
  },
  'a message from after their time': ({ outcome }) => {
    const [third] = outcome.versions.splice(3, 1);
    if (third) outcome.versions.splice(3, 0, { ...third, agentId: 'agent2' });
  },
  'a stranger could read': ({ reading }) => {
    reading.of = 'stranger';
  },
  'a former agent could read': ({ history, reading }) => {
    history.reads.push({ ...reading, of: 'agent1', invocation: invocation(55) as never });
  },
  'a former agent could join': ({ a1, outcome }) => {
    a1.joins.push({
      invocation: invocation(55) as never,
      afterSeq: 0,
      answer: joined([...(outcome.messages as Message[])]) as never,
    });
  },
  'a post to a former agent': ({ history }) => {
    const told = {
      connectionId: 'a1',
      frame: { event: 'CONVERSATION_CLOSED', data: {} },
      at: 60,
      outcome: 'delivered',
    };
    for (const close of history.closes) close.invocation.posts.push(told as never);
  },
  'c1 was in the room and was not told': ({ c1 }) => {
    c1.frames = c1.frames.filter((it) => it.frame.event !== 'NEW_MESSAGE');
  },
  'c1 was told too often': ({ c1 }) => {
    const told = c1.frames.find((it) => it.frame.event === 'NEW_MESSAGE');
    if (told) c1.frames.push(told);
  },
  'a gone connection is remembered': ({ first, outcome }) => {
    for (const post of first.invocation.posts) post.outcome = 'gone';
    outcome.remembered.add('c1');
  },
  'answered: {"code"': ({ c1 }) => {
    c1.frames.push({ at: 99, frame: frame('ERROR', { code: 'INTERNAL', message: '', event: null }) as never });
  },
  'answered: {"title"': ({ reading }) => {
    reading.answer = answer(500, { title: 'Internal error' });
  },
  'an untroubled send was not accepted': ({ second }) => {
    second.answer = undefined;
  },
};

it.each(Object.entries(WRONG))('complains: %s', (complaint, spoil) => {
  const played = good();
  spoil(played);
  expect(found(played)).toContainEqual(expect.stringContaining(complaint));
});

describe('what a connection was told of its place in the room', () => {
  const place = ({ c1, history }: Played, isIn: boolean) =>
    misled(c1 as unknown as Link, history as unknown as History, isIn);

  it('is so after a good history', () => {
    expect(place(good(), false)).toBeUndefined();
  });

  it('is complained of where it was told that it is out, and is in', () => {
    expect(place(good(), true)).toBe('c1 was told CONVERSATION_CLOSED and is in the room');
  });

  it('is complained of where it was told that it is in, and is not', () => {
    const played = good();
    played.c1.frames.pop();
    expect(place(played, true)).toBeUndefined();
    expect(place(played, false)).toBe('c1 was told CONVERSATION_JOINED and is not in the room');
  });

  it('is not known after a leave that nobody answered', () => {
    const played = good();
    played.c1.frames.pop();
    played.c1.leaves.push({ invocation: invocation(45) as never, answer: undefined });
    expect(place(played, false)).toBeUndefined();
  });
});

it('has no complaint that is not shown here', () => {
  const source = readFileSync(`${PROJECT}/tests/faults/historyChecker/check.ts`, 'utf8');
  const all = [...source.matchAll(/complain\(\s*(['`])(.+?)\1/g)].map(([, , text = '']) => text);
  expect(all.length).toBeGreaterThan(25);
  // What stands for a tab's name is any.
  const patterns = all.map((text) => new RegExp(`^${text.replaceAll('.', '\\.').replaceAll(/\$\{[^}]*\}/g, '\\w+')}`));
  expect(patterns.filter((pattern) => !Object.keys(WRONG).some((shown) => pattern.test(shown)))).toEqual([]);
});
