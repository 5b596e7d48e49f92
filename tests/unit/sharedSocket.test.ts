import { jest } from '@jest/globals';
import type { SocketConstructor } from '../../client/src/index.ts';
import { eventually } from '../support/deadline.ts';

/** One socket for all tabs: what a browser can't be brought to do on demand. The rest is in tests/browser/widget.proof.ts. */

// Not by a name that the compiler follows: it knows nothing of browsers here.
const WIDGETS: string = '../../web/widget/sharedSocket.ts';
const { sharedSocket } = (await import(WIDGETS)) as {
  readonly sharedSocket: (name: string, Real: unknown) => SocketConstructor;
};

/** Locks as a browser has them, as far as tabs need them here. */
class FakeLocks {
  readonly #held = new Set<string>();
  readonly #waiting = new Map<string, (() => void)[]>();

  async request(name: string, ...rest: unknown[]): Promise<unknown> {
    const work = rest.at(-1) as () => Promise<unknown>;
    while (this.#held.has(name)) {
      await new Promise<void>((resolve) => this.#waiting.set(name, [...(this.#waiting.get(name) ?? []), resolve]));
    }
    this.#held.add(name);
    try {
      return await work();
    } finally {
      this.#held.delete(name);
      this.#waiting.get(name)?.shift()?.();
    }
  }
}

class FakeWebSocket {
  static readonly OPEN = 1;
  static readonly all: FakeWebSocket[] = [];
  static opens = true;
  readyState = 0;
  readonly sent: string[] = [];
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: string }) => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;

  constructor() {
    FakeWebSocket.all.push(this);
    if (!FakeWebSocket.opens) return;
    queueMicrotask(() => {
      this.readyState = FakeWebSocket.OPEN;
      this.onopen?.();
    });
  }

  send(text: string): void {
    this.sent.push(text);
  }

  close(): void {
    this.readyState = 3;
  }
}

let name = 0;
let locks: { request(...given: unknown[]): Promise<unknown> };
beforeEach(() => {
  name += 1;
  locks = new FakeLocks();
  FakeWebSocket.all.length = 0;
  jest.replaceProperty(globalThis, 'navigator', { locks } as never);
});
afterEach(() => jest.restoreAllMocks());

/** A socket of a tab, and what has become of it. */
async function open(tab: SocketConstructor) {
  const socket = new tab('ws://localhost', ['live-support.v1', 'token']);
  const became = { opened: 0, closed: [] as number[] };
  socket.onopen = () => {
    became.opened += 1;
  };
  socket.onclose = ({ code }) => became.closed.push(code);
  await eventually('the socket to open', async () => became.opened === 1);
  return { socket, became };
}
const tab = () => sharedSocket(`tabs-${name}`, FakeWebSocket);
const ping = (requestId: string) => JSON.stringify({ event: 'PING', data: {}, requestId });

it('is one real socket for two tabs; who gives up a dead one gets another, and so do the others', async () => {
  const [first, second] = [tab(), tab()];
  const a = await open(first);
  const b = await open(second);
  expect(FakeWebSocket.all).toHaveLength(1);
  // Nothing comes through any more, and nobody is told.
  a.socket.send(ping('p'));
  const now = Date.now();
  jest.spyOn(Date, 'now').mockReturnValue(now + 10_000);
  a.socket.close();
  await eventually('the other tab to hear of it', async () => b.became.closed.length === 1);
  expect(b.became.closed).toEqual([1001]);
  const again = await open(first);
  expect(FakeWebSocket.all).toHaveLength(2);
  again.socket.close();
});

it('that never opens is given up by the first who gives it up', async () => {
  const [first, second] = [tab(), tab()];
  FakeWebSocket.opens = false;
  const sockets = [first, second].map((one) => new one('ws://localhost', ['live-support.v1', 'token']));
  const areTaken = () => sockets.every((socket) => (socket as unknown as { isTaken: boolean }).isTaken);
  await eventually('both to wait for the real one', async () => areTaken());
  expect(FakeWebSocket.all).toHaveLength(1);
  FakeWebSocket.opens = true;
  const now = Date.now();
  jest.spyOn(Date, 'now').mockReturnValue(now + 10_000);
  sockets[0]?.close();
  const again = await open(first);
  expect(FakeWebSocket.all).toHaveLength(2);
  again.socket.close();
});

it('stays with the others where it lives, though one leaves with a question under way', async () => {
  const [first, second] = [tab(), tab()];
  const a = await open(first);
  const b = await open(second);
  const [real] = FakeWebSocket.all;
  a.socket.send(ping('p'));
  real?.onmessage?.({ data: JSON.stringify({ event: 'TYPING', data: { conversationId: 'c' } }) });
  const now = Date.now();
  jest.spyOn(Date, 'now').mockReturnValue(now + 10_000);
  a.socket.close();
  const again = await open(first);
  expect([b.became.closed, FakeWebSocket.all]).toEqual([[], [real]]);
  for (const { socket } of [b, again]) socket.close();
});

it('is the page’s own where its storage is blocked, and with it the locks', async () => {
  locks.request = () => Promise.reject(new DOMException('not here', 'SecurityError'));
  const a = await open(tab());
  expect(FakeWebSocket.all).toHaveLength(1);
  a.socket.close();
  await eventually('the real one to be closed', async () => FakeWebSocket.all[0]?.readyState === 3);
});
