/** What the widget keeps in the browser beside the client's session and outbox. Every tab of the page's origin shares it. */

/** What every key begins with. The console, on the same origin on a laptop, has another. */
export const PREFIX = 'live-support-chat:';
const KEY = `${PREFIX}state`;

/** A question that is on its way to become a conversation. */
export interface Opening {
  /** The `clientConversationId`: however often it is sent, one conversation is opened. */
  readonly id: string;
  readonly createdAt: number;
  readonly context: Readonly<Record<string, string>>;
  /** The first is the question; what was written meanwhile follows. */
  readonly messages: readonly { readonly id: string; readonly content: string }[];
  /** The code with which it was refused. */
  readonly failed: string | null;
}

export interface LocalState {
  /** The name of whoever sits at this browser, drawn by lot. Another name: somebody else, to whom nothing of this may be shown. */
  readonly person: string;
  /** The `sub` of the company's last token. */
  readonly sub: string | null;
  /** Who the session was made for: `visitor`, or what the company's token says. */
  readonly as: string | null;
  readonly conversation: { readonly id: string; readonly isClosed: boolean } | null;
  readonly opening: Opening | null;
}

const NOTHING: LocalState = { person: '', sub: null, as: null, conversation: null, opening: null };

/** A private window may forbid the storage: then the state is this page's alone. */
let instead: LocalState | undefined;

export function readState(): LocalState {
  if (instead) return instead;
  try {
    const kept = JSON.parse(localStorage.getItem(KEY) ?? 'null') as Partial<LocalState> | null;
    return { ...NOTHING, ...kept };
  } catch {
    return NOTHING;
  }
}

export function writeState(changes: Partial<LocalState>): void {
  const state = { ...readState(), ...changes };
  try {
    localStorage.setItem(KEY, JSON.stringify(state));
    instead = undefined;
  } catch {
    instead = state;
  }
}

/** Somebody else sits here. */
export const beginAnew = (): void => writeState({ ...NOTHING, person: Math.random().toString(36).slice(2) });

/** Calls back when another tab has changed it. Returns what undoes it. */
export function onStateChange(listener: () => void): () => void {
  const heard = ({ key }: StorageEvent) => {
    // `null`: everything was cleared.
    if (key === KEY || key === null) listener();
  };
  addEventListener('storage', heard);
  return () => removeEventListener('storage', heard);
}

/** A conversation goes on, or is about to begin: then the widget listens although it is closed. */
export const isRunning = ({ conversation, opening }: LocalState): boolean =>
  opening !== null || (conversation !== null && !conversation.isClosed);

/** Where the storage is forbidden: lost with the page, and not before. */
const ofPage = new Map<string, string>();

/** What outlives a reload of this tab only: whether the panel is open, and what belongs to the person. */
export const ofTab = {
  get(name: string): string | null {
    try {
      return sessionStorage.getItem(PREFIX + name);
    } catch {
      return ofPage.get(name) || null;
    }
  },
  set(name: string, value: string | null): void {
    try {
      if (value === null || value === '') sessionStorage.removeItem(PREFIX + name);
      else sessionStorage.setItem(PREFIX + name, value);
    } catch {
      ofPage.set(name, value ?? '');
    }
  },
};

/** Takes away what somebody before has begun in this tab. They may have signed out in another one. */
export function forgetOthers(): void {
  ofPage.clear();
  try {
    const own = `${PREFIX}${ownName('')}`;
    for (const key of keysOf(sessionStorage)) {
      if (key !== `${PREFIX}open` && !key.startsWith(own)) sessionStorage.removeItem(key);
    }
  } catch {
    // There is no storage.
  }
}

/** Whether it was looked, in this tab, for a conversation of the customer's that goes on. */
export const LOOKED = 'looked';

/** A name for `ofTab` under which nobody else looks. */
export const ownName = (what: string, person = readState().person): string => `${person}:${what}`;

const keysOf = (storage: Storage): string[] => Object.keys(storage).filter((key) => key.startsWith(PREFIX));

/**
 * Takes everything out of the browser, at once: a page that signs its customer out mostly goes elsewhere in the same moment. The
 * service is told by requests that outlive the page. Fulfils with whether it was; `false` where there was nothing to tell.
 */
export async function forgetAll(service: string): Promise<boolean> {
  let text: string | null = null;
  try {
    text = localStorage.getItem(`${PREFIX}session`);
  } catch {
    // There is no storage.
  }
  // First the name: by it the other tabs know that somebody else sits here, before they miss anything.
  beginAnew();
  try {
    for (const key of keysOf(localStorage)) if (key !== KEY) localStorage.removeItem(key);
  } catch {
    // There is no storage.
  }
  forgetOthers();
  try {
    const { accessToken, refreshToken } = (JSON.parse(text ?? '') as KeptSession).session;
    const logOut = (token: string) => posted(`${service}/auth/logout`, { authorization: `Bearer ${token}` });
    let { ok, status } = await logOut(accessToken);
    if (status === 401) {
      // The token has lasted its time, and the session goes on: one more is made, to end it.
      const headers = { 'content-type': 'application/json' };
      const renewed = await posted(`${service}/auth/refresh`, headers, JSON.stringify({ refreshToken }));
      ({ ok } = await logOut(((await renewed.json()) as Tokens).accessToken));
    }
    return ok;
  } catch {
    // Nobody was signed in, or the service can't be reached.
    return false;
  }
}

const posted = (url: string, headers: Readonly<Record<string, string>>, body?: string): Promise<Response> =>
  fetch(url, { method: 'POST', headers, keepalive: true, signal: AbortSignal.timeout(5_000), ...(body && { body }) });

interface Tokens {
  readonly accessToken: string;
  readonly refreshToken: string;
}

/** What this file takes from how the client keeps the session. */
interface KeptSession {
  readonly session: Tokens;
}
