import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import mongoose from 'mongoose';
import type { Route } from '../../lib/protocol/route.ts';
import { routes } from '../../lib/protocol/routes.ts';
import { startMongod } from '../../local/mongod.ts';
import { Running, SERVERLESS } from '../support/process.ts';
import type { Socket } from '../support/socket.ts';
import { PASSWORD } from '../support/system.ts';
import { type Deployed, fromPackage } from './deployed.ts';
import { EmulatedAws } from './emulatedAws.ts';
import { startPackagedDesk } from './packaged.ts';
import { packagedService, temporaryIn } from './packaging.ts';

/**
 * `npm run bench:first`: what the first conversation of a day meets. Every function runs in its package, in processes that are
 * frozen between invocations, and none is there when the day begins. Prints, for each step, how many functions started for it
 * and how long the answer took; then the connections to the database that are held when every route was used once; and how
 * long a warm function takes to answer. Medians of `ROUNDS` days. `-- --deploy` also deploys, to an emulated AWS.
 * `PACKAGES` names a folder with packages of another commit.
 */

const ROUNDS = Number(process.env['ROUNDS'] ?? 9);
const WARM_ROUNDS = 100;
const DEPLOYMENT_MS = 600_000;

interface Day {
  readonly steps: readonly { readonly step: string; readonly starts: number; readonly ms: number }[];
  readonly held: number;
  readonly warm: Readonly<Record<string, number>>;
}

async function main(): Promise<void> {
  const packaging = performance.now();
  const packaged = await packagedService();
  const packagingSeconds = (performance.now() - packaging) / 1000;
  const dbPath = await mkdtemp(join(tmpdir(), 'live-support-first-'));
  const mongod = await startMongod({ dbPath, log: console.log });
  process.env['TEST_MONGODB_URI'] = mongod.uri;
  try {
    const template = JSON.parse(
      await readFile(join(packaged.folder, 'cloudformation-template-update-stack.json'), 'utf8'),
    ) as { Resources: object };
    console.log(`${Object.keys(template.Resources).length} resources in the template`);
    if (!process.env['PACKAGES']) console.log(`${packagingSeconds.toFixed(0)} s to package`);
    if (process.argv.includes('--deploy')) console.log(`${(await deploy(packaged.folder)).toFixed(0)} s to deploy`);
    const deployed = await fromPackage(packaged.folder);
    const days: Day[] = [];
    for (let round = 0; round < ROUNDS; round += 1) days.push(await day(deployed));
    print(days);
  } finally {
    await mongod.stop();
    await rm(dbPath, { recursive: true, force: true });
    await packaged.remove();
  }
}

/** Makes the people, ends every function, and has one conversation. */
async function day(deployed: Deployed): Promise<Day> {
  const { system, desk } = await startPackagedDesk(deployed);
  const database = await mongoose.createConnection(system.databaseUri).asPromise();
  const connections = async (): Promise<number> =>
    (await database.db?.admin().serverStatus())?.['connections'].current ?? Number.NaN;
  try {
    const people = [await desk.candidate(), await desk.supervisor()] as const;
    const [{ email: candidateEmail }, supervisor] = people;
    const { email: agentEmail, user: agentUser } = await desk.agent(supervisor);
    await system.gateway.idle();
    await system.fleet.stop();
    const before = await settled(connections);

    const steps: Day['steps'][number][] = [];
    const startsSoFar = () => [...system.fleet.starts.values()].reduce((sum, starts) => sum + starts, 0);
    const step = async <T>(name: string, work: () => Promise<T>): Promise<T> => {
      const [starts, begun] = [startsSoFar(), performance.now()];
      const result = await work();
      const ms = performance.now() - begun;
      await system.gateway.idle();
      steps.push({ step: name, starts: startsSoFar() - starts, ms });
      return result;
    };

    await step('a browser asks whether it may', () => system.http({ method: 'OPTIONS', path: '/auth/login' }));
    const candidate = await step('candidate signs in', () => desk.login(candidateEmail, PASSWORD));
    const { id: conversationId } = await step('candidate opens', () => desk.conversation(candidate, 'm1'));
    const boss = await step('supervisor signs in', () => desk.login(supervisor.email, PASSWORD));
    await step('supervisor lists', () => desk.ok('GET', '/conversations?status=open', boss.token));
    const agent = await step('agent signs in', () => desk.login(agentEmail, PASSWORD));
    await step('supervisor assigns', () =>
      desk.ok('POST', `/conversations/${conversationId}/assign`, boss.token, { agentId: agentUser.id }),
    );
    await step('agent lists', () => desk.ok('GET', '/conversations', agent.token));
    const joined = (socket: Socket) => socket.expect('CONVERSATION_JOINED', 'JOIN_CONVERSATION', { conversationId });
    const c = await step('candidate connects', () => desk.connect(candidate));
    await step('candidate joins', () => joined(c));
    const a = await step('agent connects', () => desk.connect(agent));
    await step('agent joins', () => joined(a));
    const say = (socket: Socket, content: string) =>
      socket.expect('MESSAGE_ACCEPTED', 'SEND_MESSAGE', { conversationId, content });
    await step('agent writes', () => say(a, 'm2'));
    await step('candidate answers', () => say(c, 'm3'));
    await step('candidate pings', () => c.expect('PONG', 'PING', {}));

    const warm: Record<string, number> = {};
    const timed = async (name: string, work: (index: number) => Promise<unknown>) => {
      const times: number[] = [];
      for (let index = 0; index < WARM_ROUNDS; index += 1) {
        const begun = performance.now();
        await work(index);
        times.push(performance.now() - begun);
        await system.gateway.idle();
      }
      warm[name] = median(times);
    };
    await timed('GET /auth/me', () => desk.ok('GET', '/auth/me', candidate.token));
    await timed('GET /conversations/{conversationId}', () =>
      desk.ok('GET', `/conversations/${conversationId}`, candidate.token),
    );
    await timed('SEND_MESSAGE', (index) => say(c, `warm ${index}`));
    await timed('PING', () => c.expect('PONG', 'PING', {}));

    await step('agent closes', () => a.expect('CONVERSATION_CLOSED', 'CLOSE_CONVERSATION', { conversationId }));
    await step('candidate reads it again', () =>
      desk.ok('GET', `/conversations/${conversationId}/messages`, candidate.token),
    );
    // Whatever the answer: the function has run, and has its connections. Those who are signed in stay so.
    for (const { method, path, operation } of Object.values<Route>(routes)) {
      const token = operation === 'logout' ? undefined : desk.admin.token;
      const body = method === 'GET' ? undefined : {};
      await system.http({ method, path: path.replaceAll(/\{\w+\}/g, 'none'), ...(token && { token }), body });
    }
    c.send('LEAVE_CONVERSATION', { conversationId });
    c.send('DANCE', {});
    await system.gateway.idle();
    a.close();
    await system.gateway.idle();
    return { steps, held: (await settled(connections)) - before, warm };
  } finally {
    await database.close();
    await system.stop();
  }
}

/** What a number has come to when it no longer changes. */
async function settled(read: () => Promise<number>): Promise<number> {
  for (let last = await read(); ; ) {
    await new Promise((resolve) => setTimeout(resolve, 500));
    const now = await read();
    if (now === last) return now;
    last = now;
  }
}

/** Uploads these packages and makes the stack; in seconds. */
async function deploy(folder: string): Promise<number> {
  const aws = await EmulatedAws.start();
  try {
    const env = { ...aws.environment, ...(await temporaryIn(folder)) };
    const begun = performance.now();
    const running = new Running([...SERVERLESS, 'deploy', '--stage', 'prod', '--package', folder], env);
    if ((await running.ended(DEPLOYMENT_MS)) !== 0) throw new Error(running.output);
    return (performance.now() - begun) / 1000;
  } finally {
    await aws.stop();
  }
}

function print(days: readonly Day[]): void {
  const [first] = days;
  if (!first) return;
  const sum = (day: Day, of: 'starts' | 'ms') => day.steps.reduce((total, step) => total + step[of], 0);
  console.log(`Medians of ${days.length} days, in ms:`);
  console.table([
    ...first.steps.map(({ step }, index) => ({
      step,
      starts: median(days.map(({ steps }) => steps[index]?.starts ?? Number.NaN)),
      ms: Math.round(median(days.map(({ steps }) => steps[index]?.ms ?? Number.NaN))),
    })),
    {
      step: 'together',
      starts: median(days.map((day) => sum(day, 'starts'))),
      ms: Math.round(median(days.map((day) => sum(day, 'ms')))),
    },
  ]);
  console.log(`${median(days.map(({ held }) => held))} connections held when every route was used once`);
  console.table(
    Object.keys(first.warm).map((what) => ({
      'a warm answer': what,
      ms: Math.round(median(days.map(({ warm }) => warm[what] ?? Number.NaN)) * 10) / 10,
    })),
  );
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

await main();
