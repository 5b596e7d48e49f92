import { randomBytes } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import mongoose from 'mongoose';
import WebSocket from 'ws';
import { DEMO_PASSWORD } from '../../local/demoPeople.ts';
import { isFree } from '../../local/ports.ts';
import { isCandidates } from './candidateSees.ts';
import { eventually, HANG_MS, within } from './deadline.ts';
import { SITE_KEYS } from './identity.ts';
import type { Environment } from './inProcess.ts';
import { newDatabaseUri } from './newDatabase.ts';
import { portToKeep } from './ports.ts';
import { PROJECT, Running, SERVERLESS } from './process.ts';
import { Socket } from './socket.ts';
import {
  checkAnswer,
  Desk,
  type HttpRequest,
  type HttpResult,
  matchRoute,
  type System,
  tokenOf,
  type Upgrade,
  UpgradeRefused,
} from './system.ts';

const HOST = 'localhost';

export interface Ports {
  readonly http: number;
  readonly webSocket: number;
  readonly lambda: number;
}

export interface Emulator extends System {
  readonly ports: Ports;
  /** A socket as it is, without the protocol's checks. Rejects with `UpgradeRefused`. */
  open(upgrade: Upgrade): Promise<WebSocket>;
}

export async function freePorts(): Promise<Ports> {
  // One after the other, so that none is given twice.
  const http = await portToKeep(HOST);
  const webSocket = await portToKeep(HOST);
  return { http, webSocket, lambda: await portToKeep(HOST) };
}

export const portVariables = ({ http, webSocket, lambda }: Ports): Record<string, string> => ({
  HTTP_PORT: String(http),
  WS_PORT: String(webSocket),
  LAMBDA_PORT: String(lambda),
});

/** Rejects unless all of them can be listened on again. */
export async function allFree(ports: Ports): Promise<void> {
  await eventually('the ports to be free', async () => {
    const free = await Promise.all(Object.values(ports).map((port) => isFree(port, HOST)));
    return free.every(Boolean);
  });
}

/** A folder for what the local plugin keeps: not the one a developer works with, and gone when the test is over. */
export async function localFolder(): Promise<{ path: string; remove: () => Promise<void> }> {
  const path = join(PROJECT, '.local', `test-${randomBytes(6).toString('hex')}`);
  await mkdir(path, { recursive: true });
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}

/** The real `serverless offline`, on free ports and a database of its own, which the plugin is told to fill with the demo people. */
export async function startEmulator(given: Environment = {}): Promise<Emulator> {
  const [ports, folder] = await Promise.all([freePorts(), localFolder()]);
  const uri = newDatabaseUri();
  const server = new Running([...SERVERLESS, 'offline'], {
    ...portVariables(ports),
    LOCAL_DIR: folder.path,
    MONGODB_URI: uri,
    DEMO_PEOPLE: 'on',
    IDENTITY_KEYS: SITE_KEYS,
    VISITORS: 'on',
    LOG_LEVEL: 'error',
    RATE_LIMITS: 'off',
    ACTIVE_MESSAGE_TTL_SECONDS: '1',
    // As under npm: it then ends when we are gone, even when we are killed.
    npm_execpath: process.env['npm_execpath'] ?? 'npm',
    ...given,
  });
  const stop = async () => {
    try {
      await server.interrupt();
      await allFree(ports);
    } finally {
      await Promise.all([folder.remove(), dropDatabase(uri)]);
    }
  };
  try {
    await server.printed(/Live Support is ready/);
  } catch (error) {
    await stop().catch(() => undefined);
    throw error;
  }
  const open = (upgrade: Upgrade) => openSocket(`ws://${HOST}:${ports.webSocket}`, upgrade);
  return {
    name: 'emulator',
    databaseUri: uri,
    ports,
    http: (request) => fetchAnswer(`http://${HOST}:${ports.http}`, request),
    open,
    connect: async (upgrade) => {
      let socket: Socket | undefined;
      await openSocket(`ws://${HOST}:${ports.webSocket}`, upgrade, (raw) => {
        socket = queued(raw, isCandidates(tokenOf(upgrade)));
      });
      if (!socket) throw new Error('no socket was opened');
      return socket;
    },
    stop,
  };
}

/** As above, with a desk whose admin is the demo one, signed in. */
export async function startEmulatorDesk(environment?: Environment): Promise<{ system: Emulator; desk: Desk }> {
  const system = await startEmulator(environment);
  try {
    return { system, desk: await new Desk(system).openAs('admin@example.com', DEMO_PASSWORD) };
  } catch (error) {
    await system.stop();
    throw error;
  }
}

async function dropDatabase(uri: string): Promise<void> {
  const connection = await mongoose.createConnection(uri).asPromise();
  await connection.dropDatabase();
  await connection.close();
}

async function fetchAnswer(
  base: string,
  { method, path, token, body, raw, headers }: HttpRequest,
): Promise<HttpResult> {
  const text = raw ?? (body === undefined ? undefined : JSON.stringify(body));
  const response = await fetch(base + path, {
    method,
    headers: {
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(text !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(text !== undefined && { body: text }),
    signal: AbortSignal.timeout(HANG_MS),
  });
  const answer = await response.text();
  const result: HttpResult = {
    status: response.status,
    headers: Object.fromEntries(response.headers),
    body:
      answer === '' || response.headers.get('content-type')?.includes('json') === false
        ? answer || undefined
        : JSON.parse(answer),
  };
  return checkAnswer(matchRoute(method, new URL(path, base).pathname)?.route, result, token);
}

/** `prepare` sees the socket before anything can have arrived on it. */
async function openSocket(
  address: string,
  { token, headers = {}, protocols = [], query = '' }: Upgrade,
  prepare: (socket: WebSocket) => void = () => undefined,
): Promise<WebSocket> {
  const socket = new WebSocket(query === '' ? address : `${address}/?${query}`, [...protocols], {
    headers: { ...(token !== undefined && { Authorization: `Bearer ${token}` }), ...headers },
  });
  prepare(socket);
  const opened = new Promise<WebSocket>((fulfil, reject) => {
    socket.once('open', () => fulfil(socket));
    socket.once('unexpected-response', (request, response) => {
      reject(new UpgradeRefused(response.statusCode ?? 0));
      response.resume();
      request.destroy();
    });
    socket.on('error', reject);
  });
  try {
    return await within('the upgrade', opened);
  } catch (error) {
    socket.terminate();
    throw error;
  }
}

function queued(raw: WebSocket, forCandidate: boolean): Socket {
  const socket = new Socket({ send: (text) => raw.send(text), close: () => raw.close() }, forCandidate);
  raw.on('message', (data) => socket.receive(data.toString()));
  raw.once('close', (code) => socket.end(code));
  return socket;
}
