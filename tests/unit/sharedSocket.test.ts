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
  /** By the name of a lock that is had: what takes it away. */
  readonly #held = new Map<string, () => void>();
  readonly #waiting = new Map<string, (() => void)[]>();

  async request(name: string, ...rest: unknown[]): Promise<unknown> {
    const work = rest.at(-1) as () => Promise<unknown>;
    if ((rest[0] as { readonly steal?: boolean }).steal) this.#held.get(name)?.();
    else {
      while (this.#held.has(name)) {
        await new Promise<void>((resolve) => this.#waiting.set(name, [...(this.#waiting.get(name) ?? []), resolve]));
      }
    }
    const { promise: stolen, reject } = Promise.withResolvers<never>();
    const lose = () => reject(new DOMException('stolen', 'AbortError'));
    this.#held.set(name, lose);
    try {
      return await Promise.race([work(), stolen]);
    } finally {
      if (this.#held.get(name) === lose) {
        this.#held.delete(name);
        this.#waiting.get(name)?.shift()?.();
      }
    }
  }
}

/** A channel between tabs, some of which are frozen: they hear nothing. */
class FakeChannel {
  static readonly all = new Set<FakeChannel>();
  isFrozen = false;
  onmessage: ((event: { readonly data: unknown }) => void) | null = null;

  constructor() {
    FakeChannel.all.add(this);
  }

  postMessage(data: unknown): void {
    for (const other of FakeChannel.all) {
      if (other !== this && !other.isFrozen) queueMicrotask(() => other.onmessage?.({ data }));
    }
  }

  close(): void {
    FakeChannel.all.delete(this);
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
afterEach(() => {
  jest.restoreAllMocks();
  jest.useRealTimers();
});

// A page that somebody looks at.
Object.defineProperties(globalThis, {
  BroadcastChannel: { value: FakeChannel },
  document: {
    value: { visibilityState: 'visible', addEventListener: () => undefined, removeEventListener: () => undefined },
  },
});

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

it('is taken from a tab that is frozen, by one that sends or that somebody looks at, and from no other', async () => {
  jest.useFakeTimers();
  const made = [tab(), tab()].map((one) => {
    const socket = new one('ws://localhost', ['live-support.v1', 'token']);
    const closed: number[] = [];
    socket.onclose = ({ code }) => closed.push(code);
    return { socket, closed };
  });
  const [, waiting] = made;
  await jest.advanceTimersByTimeAsync(25_000);
  waiting?.socket.send(ping('p'));
  await jest.advanceTimersByTimeAsync(5_000);
  expect([waiting?.closed, FakeWebSocket.all.length]).toEqual([[], 1]);
  // It hears nothing from now on, and keeps its lock.
  const [frozen] = FakeChannel.all;
  if (frozen) frozen.isFrozen = true;
  waiting?.socket.send(ping('q'));
  await jest.advanceTimersByTimeAsync(2_500);
  expect([waiting?.closed, FakeWebSocket.all[0]?.readyState]).toEqual([[1001], 3]);
  for (const { socket } of made) socket.close();

  // The same of a tab that only waits for an answer.
  const [carrier, listener] = [tab(), tab()].map((one) => new one('ws://localhost', ['live-support.v1', 'token']));
  const closed: number[] = [];
  if (listener) listener.onclose = ({ code }) => closed.push(code);
  await jest.advanceTimersByTimeAsync(1_000);
  for (const channel of [...FakeChannel.all].slice(0, 1)) channel.isFrozen = true;
  await jest.advanceTimersByTimeAsync(12_500);
  expect(closed).toEqual([1001]);
  carrier?.close();
});

it('is the page’s own where its storage is blocked, and with it the locks', async () => {
  locks.request = () => Promise.reject(new DOMException('not here', 'SecurityError'));
  const a = await open(tab());
  expect(FakeWebSocket.all).toHaveLength(1);
  a.socket.close();
  await eventually('the real one to be closed', async () => FakeWebSocket.all[0]?.readyState === 3);
});
