import type { Chat as ChatClass, ChatOptions, Identity } from '../../web/widget/chat.ts';
import { conversation, settled } from '../client/support/fakes.ts';

/** Whose chat it is: the widget's own client, without a page around it. */

const PREFIX = 'live-support-chat:';
const page = new EventTarget();
const sent: { readonly path: string; readonly body: unknown }[] = [];
const sockets: string[] = [];
let answer: (path: string) => { readonly status?: number; readonly body: unknown };
let Chat: typeof ChatClass;
let chat: ChatClass;
let told: [name: string, detail: unknown][];
let others: (Identity | undefined)[];
let opens: boolean;

/** A storage of the browser's: its keys are properties too. */
class PageStorage {
  readonly #texts = new Map<string, string>();
  get length(): number {
    return this.#texts.size;
  }
  key(index: number): string | null {
    return [...this.#texts.keys()][index] ?? null;
  }
  getItem(key: string): string | null {
    return this.#texts.get(key) ?? null;
  }
  setItem(key: string, text: string): void {
    this.#texts.set(key, text);
    Object.assign(this, { [key]: text });
  }
  removeItem(key: string): void {
    this.#texts.delete(key);
    Reflect.deleteProperty(this, key);
  }
  clear(): void {
    for (const key of [...this.#texts.keys()]) this.removeItem(key);
  }
}

class PageSocket {
  static readonly OPEN = 1;
  onopen: (() => void) | null = null;
  constructor(_url: string, protocols: readonly string[]) {
    sockets.push(protocols[1] ?? '');
    if (opens) queueMicrotask(() => this.onopen?.());
  }
  send(): void {}
  close(): void {}
}

const fetched = async (url: string, init: { readonly body?: string }) => {
  const path = url.replace('https://s.example', '');
  sent.push({ path, body: init.body && JSON.parse(init.body) });
  await new Promise((resolve) => setTimeout(resolve, 5));
  const { status = 200, body } = answer(path);
  return { status, headers: { get: () => 'application/json' }, text: async () => JSON.stringify(body) };
};

const GLOBALS = {
  addEventListener: page.addEventListener.bind(page),
  removeEventListener: page.removeEventListener.bind(page),
  localStorage: new PageStorage(),
  sessionStorage: new PageStorage(),
  navigator: { onLine: true },
  document: { hasFocus: () => true, visibilityState: 'visible', addEventListener() {}, removeEventListener() {} },
  WebSocket: PageSocket,
  fetch: fetched,
};

beforeAll(async () => {
  for (const [name, value] of Object.entries(GLOBALS)) {
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  }
  ({ Chat } = await import('../../web/widget/chat.ts'));
});
beforeEach(() => {
  sent.length = 0;
  sockets.length = 0;
  told = [];
  others = [];
  opens = false;
  answer = () => ({ body: { items: [], open: true } });
});
afterEach(() => chat.stop());

const session = (id: string) => ({
  user: { id, name: id, email: null, role: 'candidate' },
  accessToken: `token-${id}`,
  refreshToken: `refresh-${id}`,
  expiresIn: 900,
  tokenType: 'Bearer',
});
const tokenOf = (sub: string) => `h.${Buffer.from(JSON.stringify({ sub, name: sub })).toString('base64url')}.s`;
const named = (sub: string): Identity => ({ token: tokenOf(sub) });
const unsettled: Identity = { token: () => new Promise<string>(() => undefined) };
const exchanges = () => sent.filter(({ path }) => path === '/auth/exchange').length;

const keepState = (person: string, as: string | null = null, sub: string | null = null) =>
  localStorage.setItem(`${PREFIX}state`, JSON.stringify({ person, as, sub, conversation: null, opening: null }));

/** What the browser has kept: of a customer whom the company has named, of a visitor, or of nobody. */
function kept(who: 'x' | 'visitor' | null): void {
  localStorage.clear();
  if (who) {
    const keeping = { session: session(who), expiresAt: Date.now() + 900_000, refreshSentAt: null };
    localStorage.setItem(`${PREFIX}session`, JSON.stringify(keeping));
  }
  if (who === 'x') keepState('p', JSON.stringify(['x', 'x', null]), 'x');
  else keepState('p', who);
}

async function begin(identity?: Identity, options: Partial<ChatOptions> = {}): Promise<void> {
  chat = new Chat({
    service: 'https://s.example',
    webSocket: 'wss://s.example/ws',
    visitors: () => true,
    context: () => ({}),
    changed: () => undefined,
    refused: () => undefined,
    tell: (name, detail) => told.push([name, detail]),
    arrived: () => undefined,
    another: (other) => others.push(other),
    ...options,
  });
  await chat.start(identity);
  await passed();
}

async function passed(ms = 60): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
  await settled();
}

it.each([
  ['the page has cleared the storage itself', () => localStorage.clear()],
  [
    'another tab has forgotten everybody',
    () => {
      localStorage.clear();
      keepState('q');
    },
  ],
])('who is named after %s is whom the chat is of', async (_, signOut) => {
  kept('x');
  await begin(named('x'));
  signOut();
  const next = named('y');
  void chat.identify(next);
  await passed();
  expect(others).toEqual([next]);
});

it('who is named after a function that never answers is not waited for', async () => {
  kept(null);
  answer = (path) => ({ body: path === '/auth/exchange' ? session('y') : { items: [] } });
  await begin();
  void chat.identify(unsettled);
  await passed();
  void chat.identify(named('y'));
  await passed(200);
  expect(told.map(([name]) => name)).toContain('identified');
});

it('a page that answers every refusal with another token does not go round and round', async () => {
  kept(null);
  answer = (path) =>
    path === '/auth/exchange'
      ? { status: 401, body: { code: 'INVALID_TOKEN', detail: 'no' } }
      : { body: { items: [] } };
  await begin(named('y'), {
    tell: (name) => {
      if (name === 'token') queueMicrotask(() => void chat.identify(named('y')));
    },
  });
  await passed(600);
  expect(exchanges()).toBeGreaterThan(1);
  expect(exchanges()).toBeLessThan(5);
});

it('a session that is only missing takes nothing away: one that the service has ended does', async () => {
  kept('visitor');
  await begin();
  localStorage.removeItem(`${PREFIX}session`);
  page.dispatchEvent(Object.assign(new Event('storage'), { key: `${PREFIX}session` }));
  await passed();
  expect(others).toEqual([]);
});

it('while it is not sure whose the session is, nothing is sent of what was left, and no socket is opened', async () => {
  kept('x');
  const left = { id: 'i', conversationId: 'c', content: 'private', createdAt: 1, order: 1, failed: null };
  localStorage.setItem(`${PREFIX}outbox:x:c:i`, JSON.stringify({ ...left, tab: `${PREFIX}tab:gone` }));
  await begin(unsettled);
  await passed(200);
  expect([chat.state.isUnsure, sockets]).toEqual([true, []]);
  void chat.identify(named('x'));
  await passed(200);
  expect([chat.state.isUnsure, sockets]).toEqual([false, ['token-x']]);
});

it('counts as unread what the service says, where that is more than is on the screen', async () => {
  kept('x');
  const state = JSON.parse(localStorage.getItem(`${PREFIX}state`) ?? '');
  localStorage.setItem(`${PREFIX}state`, JSON.stringify({ ...state, conversation: { id: 'c', isClosed: false } }));
  opens = true;
  answer = (path) => ({ body: path === '/conversations/c' ? { ...conversation({ lastSeq: 100 }), unread: 60 } : {} });
  await begin(named('x'));
  await passed(200);
  expect(chat.state.unread).toBe(60);
});
