import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ServerFrame } from '../../lib/protocol/events.ts';
import type { Session } from '../../lib/protocol/objects/users.ts';
import { finishMerging } from '../../lib/services/auth/mergeVisitor.ts';
import { sweep } from '../../lib/services/operations/sweep.ts';
import { auditModel } from '../../lib/store/audit.ts';
import { connectionModel } from '../../lib/store/connections.ts';
import { type ConversationRecord, conversationModel, ERASED } from '../../lib/store/conversations.ts';
import { trusted } from '../../lib/store/database.ts';
import { activeMessageModel, type MessageRecord, messageModel } from '../../lib/store/messages.ts';
import { sessionModel } from '../../lib/store/sessions.ts';
import { type UserRecord, userModel } from '../../lib/store/users.ts';
import { siteToken } from '../support/identity.ts';
import { type InProcess, startDesk } from '../support/inProcess.ts';
import type { Socket } from '../support/socket.ts';
import type { Desk, HttpResult, Person } from '../support/system.ts';
import { Random } from './historyChecker/random.ts';
import { seeds } from './seeds.ts';

/**
 * Visitors turn out to be customers while they open conversations, write and sign out, while agents answer them, and while customers
 * are erased: whatever the order, everything said is there once, and is whose it should be. `SEEDS=1000 npm test -- tests/faults/merging`
 * is the long proof; `FIRST_SEED` where to begin, `SEED` one alone.
 */
const SEEDS = seeds(0, 1, { few: 3, soak: 60 });

let system: InProcess;
let desk: Desk;
let supervisor: Person;
beforeAll(async () => {
  ({ system, desk } = await startDesk());
  supervisor = await desk.supervisor();
});
afterAll(() => system.stop());

/** Somebody at a browser: the session they have at the moment, and what they have sent under which name. */
interface Browser {
  readonly visitor: Session;
  session: Session;
  /** Every name under which they have tried to send something, of each conversation. */
  readonly sent: { readonly conversationId: string; readonly clientMessageId: string }[];
}

interface World {
  readonly agent: Person;
  readonly subs: readonly string[];
  readonly browsers: readonly Browser[];
  /** Conversations that were answered `201`. */
  readonly opened: { readonly id: string; readonly by: string }[];
  /** Acknowledged messages. */
  readonly acknowledged: { readonly conversationId: string; readonly key: string; readonly seq: number }[];
}

const come = async (): Promise<Browser> => {
  const visitor: Session = await desk.ok('POST', '/auth/visitor', undefined, { name: 'Vic' });
  return { visitor, session: visitor, sent: [] };
};

const EXPECTED = new Set([401, 404, 409]);
/** An answer that is a success, or what a race may well be answered with. */
function mayFail({ status, body }: HttpResult): boolean {
  if (status >= 400 && !EXPECTED.has(status)) throw new Error(`${status} ${JSON.stringify(body)}`);
  return status < 400;
}

async function open(world: World, browser: Browser): Promise<void> {
  const { user, accessToken } = browser.session;
  const answer = await desk.call('POST', '/conversations', accessToken, {
    subject: 'Racing',
    message: 'first',
    clientConversationId: randomUUID(),
  });
  if (!mayFail(answer)) return;
  world.opened.push({ id: answer.body.id, by: user.id });
  mayFail(
    await desk.call('POST', `/conversations/${answer.body.id}/assign`, supervisor.token, {
      agentId: world.agent.user.id,
    }),
  );
}

/** Sends something new, or something again that was sent before, as the visitor or as whoever they turned out to be. */
async function say(world: World, browser: Browser, random: Random): Promise<void> {
  const conversation = world.opened.length > 0 ? random.pick(world.opened) : null;
  const [again, fresh] = [random.chance(0.5), random.between(0, 1e9)];
  if (!conversation) return;
  const before = browser.sent.filter(({ conversationId }) => conversationId === conversation.id);
  const clientMessageId = again && before[0] ? before[0].clientMessageId : `m-${fresh}`;
  browser.sent.push({ conversationId: conversation.id, clientMessageId });
  const socket = await system.connect({ token: browser.session.accessToken }).catch(() => null);
  if (!socket) return;
  await speak(world, socket, conversation.id, clientMessageId, 'candidate');
  socket.close();
}

/** The answer; `null` where the socket is cut before it comes. */
async function ask(socket: Socket, event: string, data: object): Promise<ServerFrame | null> {
  const requestId = randomUUID();
  if (!socket.isClosed) socket.send(event, data, requestId);
  for (;;) {
    const answer = socket.received.find((frame) => frame.requestId === requestId);
    if (answer || socket.isClosed) return answer ?? null;
    await sleep(2);
  }
}

async function speak(world: World, socket: Socket, conversationId: string, clientMessageId: string, side: string) {
  if (!(await ask(socket, 'JOIN_CONVERSATION', { conversationId }))) return;
  const message = { conversationId, content: `${side} ${clientMessageId}`, clientMessageId };
  const answer = await ask(socket, 'SEND_MESSAGE', message);
  if (answer?.event !== 'MESSAGE_ACCEPTED') return;
  world.acknowledged.push({ conversationId, key: `${side} ${clientMessageId}`, seq: answer.data.seq });
}

async function answerIt(world: World, random: Random): Promise<void> {
  const conversation = world.opened.length > 0 ? random.pick(world.opened) : null;
  const clientMessageId = `m-${random.between(0, 5)}`;
  if (!conversation) return;
  const socket = await desk.connect(world.agent);
  await speak(world, socket, conversation.id, clientMessageId, 'agent');
  socket.close();
}

async function exchange(browser: Browser, sub: string): Promise<void> {
  const token = siteToken({ sub, name: `Ada ${sub}` });
  const body = { token, visitorToken: browser.visitor.accessToken };
  const answer = await desk.call('POST', '/auth/exchange', undefined, body);
  if (mayFail(answer)) browser.session = answer.body;
}

async function erase(sub: string): Promise<void> {
  const customer = await userModel().findOne({ identitySub: sub }, { _id: 1 }).lean();
  if (customer) mayFail(await desk.call('POST', `/users/${customer._id}/erase`, desk.admin.token));
}

function anyDeed(random: Random, world: World): () => Promise<void> {
  const [browser, sub] = [random.pick(world.browsers), random.pick(world.subs)];
  switch (
    random.weighted({
      open: 14,
      say: 30,
      answer: 14,
      exchange: 24,
      refresh: 4,
      signOut: 4,
      erase: 5,
      eraseVisitor: 1,
      finish: 4,
    })
  ) {
    case 'open':
      return () => open(world, browser);
    case 'say':
      return () => say(world, browser, random);
    case 'answer':
      return () => answerIt(world, random);
    case 'exchange':
      return () => exchange(browser, sub);
    case 'refresh':
      return async () => {
        const { refreshToken } = browser.visitor;
        mayFail(await desk.call('POST', '/auth/refresh', undefined, { refreshToken }));
      };
    case 'signOut':
      return async () => {
        mayFail(await desk.call('POST', '/auth/logout', browser.visitor.accessToken));
      };
    case 'erase':
      return () => erase(sub);
    case 'eraseVisitor':
      return async () => {
        mayFail(await desk.call('POST', `/users/${browser.visitor.user.id}/erase`, desk.admin.token));
      };
    case 'finish':
      return async () => {
        await finishMerging(browser.visitor.user.id, Date.now() + 10_000);
      };
  }
}

async function play(seed: number): Promise<void> {
  const random = new Random(seed);
  const world: World = {
    // Of their own: an agent holds two hundred conversations at most.
    agent: await desk.agent(supervisor),
    subs: [randomUUID(), randomUUID()],
    browsers: [await come(), await come(), await come()],
    opened: [],
    acknowledged: [],
  };
  for (const browser of world.browsers) if (random.chance(0.6)) await open(world, browser);
  for (let burst = 0; burst < 4; burst += 1) {
    const deeds = Array.from({ length: 6 }, () => ({ after: random.between(0, 30), deed: anyDeed(random, world) }));
    await Promise.all(
      deeds.map(async ({ after, deed }) => {
        await sleep(after);
        await deed();
      }),
    );
  }
  await system.gateway.idle();
  await userModel().updateMany(trusted({ erasingSince: { $exists: true } }), {
    $set: { erasingSince: new Date(Date.now() - 3_600_000) },
  });
  await sweep(Date.now() + 30_000, 0);
  await judge(world);
}

async function judge(world: World): Promise<void> {
  const visitors = new Map<string, UserRecord | null>();
  for (const { visitor } of world.browsers)
    visitors.set(visitor.user.id, await userModel().findById(visitor.user.id).lean());
  for (const sub of world.subs) expect(await userModel().countDocuments({ identitySub: sub })).toBeLessThanOrEqual(1);

  for (const [id, visitor] of visitors) {
    const became = await auditModel().countDocuments({ action: 'registered', targetId: id });
    const merges = await auditModel().find({ action: 'visitor_merged', targetId: id }).lean();
    expect(became + merges.length).toBeLessThanOrEqual(1);
    expect(merges.map(({ details }) => details['into'])).toEqual(visitor?.mergedInto ? [visitor.mergedInto] : []);
    if (visitor?.mergedInto) {
      expect(visitor).toMatchObject({ active: false });
      expect(visitor).not.toHaveProperty('mergingSince');
      expect(await conversationModel().countDocuments({ candidateId: id })).toBe(0);
      const customer = await userModel().findById(visitor.mergedInto).lean();
      expect(visitor.name).toBe(customer?.erasedAt ? 'Erased' : 'Vic');
      expect(visitor.erasedAt !== undefined).toBe(customer?.erasedAt !== undefined);
    }
    // Who is gone or inactive is nowhere any more.
    if (!visitor?.active) {
      expect(await sessionModel().countDocuments({ userId: id })).toBe(0);
      expect(await connectionModel().countDocuments({ userId: id })).toBe(0);
    }
  }

  for (const { id, by } of world.opened) {
    const conversation = await conversationModel().findById(id).lean().orFail();
    const merged = visitors.get(by)?.mergedInto;
    expect(conversation.candidateId).toBe(merged ?? by);
    const candidate = await userModel().findById(conversation.candidateId).lean();
    expect(candidate).not.toBeNull();
    await judgeMessages(world, conversation, candidate?.erasedAt !== undefined);
  }
}

async function judgeMessages(world: World, conversation: ConversationRecord, isErased: boolean): Promise<void> {
  const { _id: conversationId, lastSeq, fromCandidate, archivedAt } = conversation;
  const messages: MessageRecord[] = archivedAt
    ? await messageModel().find({ conversationId }).sort({ seq: 1 }).lean()
    : await activeMessageModel().find({ conversationId }).sort({ seq: 1 }).lean();
  expect(messages.map(({ seq }) => seq)).toEqual(Array.from({ length: lastSeq }, (_, index) => index + 1));
  const theirs = messages.filter(({ senderRole }) => senderRole === 'candidate');
  expect(theirs).toHaveLength(fromCandidate ?? 0);
  for (const [index, { place }] of theirs.entries()) expect(place).toBe(index + 1);
  if (isErased) {
    expect(conversation).toMatchObject({ status: 'closed', subject: ERASED });
    expect(new Set(messages.map(({ content }) => content))).toEqual(new Set([ERASED]));
    expect(new Set(theirs.map(({ senderName }) => senderName))).toEqual(new Set(['Erased']));
    return;
  }
  const named = messages.flatMap(({ senderRole, clientMessageId }) =>
    clientMessageId === null ? [] : [`${senderRole} ${clientMessageId}`],
  );
  // Each once, whoever of the candidate's side has sent it; and where it was acknowledged, however often that was.
  expect(named).toEqual([...new Set(named)]);
  for (const { key, seq } of world.acknowledged.filter((one) => one.conversationId === conversationId)) {
    expect(messages[seq - 1]).toMatchObject({ seq, content: key });
  }
}

it(
  `${SEEDS.length} seeds: a visitor is merged once and whole, and everything said is there once`,
  async () => {
    for (const seed of SEEDS) {
      await play(seed).catch((cause: unknown) => {
        const how = `SEED=${seed} npm test -- tests/faults/merging`;
        throw new Error(`${how}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
      });
    }
  },
  120_000 + SEEDS.length * 10_000,
);
