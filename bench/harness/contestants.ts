import { randomBytes, randomUUID } from 'node:crypto';
import { signAccessToken } from '../../lib/auth/tokens.ts';
import { databaseUri } from '../../local/mongod.ts';
import { Desk, type HttpRequest, type HttpResult, type Person } from '../../tests/support/system.ts';
import { type Link, openFrames, openSocketIo, Room } from './link.ts';
import { type Environment, Server } from './server.ts';

/** What is measured, each in a process of its own, with what it takes to have rooms in it. */
export interface Contestant {
  readonly name: string;
  readonly server: Server;
  /** A conversation of two people, both in it. */
  room(): Promise<Room>;
  /** One connection of somebody who may join anywhere; only others than Live Support let them. */
  link(): Promise<Link>;
  stop(): Promise<void>;
}

/** A message of the length that docs/cost.md takes as typical. */
export const CONTENT = 'It still does not work. '.repeat(9).slice(0, 200);

/** Set once, before any server starts: who signs tokens, and with what. */
export function prepareEnvironment(mongodUri: string): void {
  Object.assign(process.env, {
    // As the tests' own systems want it.
    TEST_MONGODB_URI: mongodUri,
    STAGE: 'local',
    JWT_KEYS: `bench:${randomBytes(32).toString('base64url')}`,
    ACCESS_TOKEN_TTL_SECONDS: String(24 * 3600),
  });
}

export const newDatabase = (): string =>
  databaseUri(process.env['TEST_MONGODB_URI'] ?? '', `bench_${randomBytes(6).toString('hex')}`);

/** As deployed: limits are counted, log and metrics written. The limits are so high that nobody meets them. */
const AS_DEPLOYED: Environment = {
  LOG_LEVEL: 'info',
  METRICS: 'on',
  RATE_LIMITS: 'on',
  MONGODB_POOL_SIZE: '20',
  AWS_REGION: 'eu-central-1',
  AWS_ACCESS_KEY_ID: 'bench',
  AWS_SECRET_ACCESS_KEY: 'bench',
  AWS_SESSION_TOKEN: 'bench',
  ...Object.fromEntries(
    [
      ...['FRAMES_PER_MINUTE', 'CONNECTS_PER_MINUTE', 'MESSAGES_PER_MINUTE', 'CONVERSATIONS_PER_HOUR'],
      ...['STAFF_WRITES_PER_MINUTE', 'REGISTRATIONS_PER_HOUR', 'SIGN_INS_PER_HOUR', 'REFRESHES_PER_MINUTE'],
      ...['WATCHES_PER_MINUTE', 'AVAILABILITY_PER_MINUTE'],
    ].map((limit) => [`RATE_LIMIT_${limit}`, '1000000000']),
  ),
};

/** For the emulator: nobody meets a limit, and tokens last. */
export const EMULATED: Environment = { RATE_LIMITS: 'off', ACCESS_TOKEN_TTL_SECONDS: String(24 * 3600) };

/** Live Support, and the desk that makes its people. */
export interface Ours extends Contestant {
  readonly desk: Desk;
  readonly address: string;
  readonly databaseUri: string;
  /** Two people with an assigned conversation. */
  pair(): Promise<{ candidate: Person; agent: Person; conversationId: string }>;
  operate(file: string, event?: unknown): Promise<unknown>;
}

export async function startOurs(name = 'Live Support', environment: Environment = {}): Promise<Ours> {
  const uri = environment['MONGODB_URI'] ?? newDatabase();
  const server = await Server.start('ours.ts', { ...AS_DEPLOYED, MONGODB_URI: uri, ...environment });
  const address = String(server.ready);
  const operate = (file: string, event: unknown = {}) => server.ask('operate', { file, event });
  const desk = await new Desk({
    name,
    databaseUri: uri,
    http: (request) => fetchAnswer(`http://${address}`, request),
    connect: () => Promise.reject(new Error('a link is lighter')),
    stop: () => server.stop(),
  }).open((admin) => operate('createFirstAdmin', admin));
  const supervisor = await desk.supervisor();
  const pair = async () => {
    const [candidate, agent] = await Promise.all([desk.candidate(), desk.agent(supervisor)]);
    const { id } = await desk.conversation(candidate);
    await desk.assign(supervisor, id, agent);
    return { candidate, agent, conversationId: id };
  };
  return {
    name,
    server,
    desk,
    address,
    databaseUri: uri,
    pair,
    link: () => Promise.reject(new Error('nobody may join everywhere')),
    operate,
    room: async () => {
      const { candidate, agent, conversationId } = await pair();
      return joined(conversationId, [
        await openFrames(address, candidate.token),
        await openFrames(address, agent.token),
      ]);
    },
    stop: () => server.stop(),
  };
}

/** One of the others: whoever has a token may join. */
async function startPeer(
  name: string,
  file: string,
  open: typeof openFrames,
  environment: Environment = {},
): Promise<Contestant> {
  const server = await Server.start(file, { MONGODB_URI: newDatabase(), ...environment });
  const link = async (role: 'candidate' | 'agent') =>
    open(String(server.ready), await signAccessToken({ userId: randomUUID(), sessionId: randomUUID(), role }));
  return {
    name,
    server,
    link: () => link('candidate'),
    room: async () => joined(randomUUID(), [await link('candidate'), await link('agent')]),
    stop: () => server.stop(),
  };
}

async function joined(conversationId: string, sides: Room['sides']): Promise<Room> {
  const room = new Room(conversationId, sides);
  for (const side of sides) await side.join(conversationId);
  return room;
}

export const startFloor = (): Promise<Contestant> => startPeer('Bare', 'floor.ts', openFrames);
export const startClassic = (): Promise<Contestant> => startPeer('Classic', 'peers/classic.ts', openFrames);
export const startSocketIo = (): Promise<Contestant> =>
  startPeer('Socket.IO + Mongo', 'peers/socketIo.ts', openSocketIo);
/** Its counter doesn't wait for a majority; the insert that follows does. */
export const startQuickSocketIo = (): Promise<Contestant> =>
  startPeer('Socket.IO + Mongo, counter w: 1', 'peers/socketIo.ts', openSocketIo, { COUNTER_W: '1' });

/** Ends all of them, those too that are still starting when another one has failed to. */
export async function stopAll(starting: readonly Promise<Contestant>[]): Promise<void> {
  const started = await Promise.allSettled(starting);
  await Promise.all(started.map((result) => (result.status === 'fulfilled' ? result.value.stop() : undefined)));
}

async function fetchAnswer(base: string, { method, path, token, body }: HttpRequest): Promise<HttpResult> {
  const response = await fetch(base + path, {
    method,
    headers: {
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const answer = await response.text();
  return {
    status: response.status,
    headers: Object.fromEntries(response.headers),
    body: answer === '' ? undefined : JSON.parse(answer),
  };
}
