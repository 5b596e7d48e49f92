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
  /** Who the session was made for: `visitor`, or what the company's token says. */
  readonly as: string | null;
  readonly conversation: { readonly id: string; readonly isClosed: boolean } | null;
  readonly opening: Opening | null;
}

const NOTHING: LocalState = { as: null, conversation: null, opening: null };

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

/** What outlives a reload of this tab only: the draft, and whether the panel is open. */
export const ofTab = {
  get(name: string): string | null {
    try {
      return sessionStorage.getItem(PREFIX + name);
    } catch {
      return null;
    }
  },
  set(name: string, value: string | null): void {
    try {
      if (value === null || value === '') sessionStorage.removeItem(PREFIX + name);
      else sessionStorage.setItem(PREFIX + name, value);
    } catch {
      // It is lost with the page.
    }
  },
};

/**
 * Takes everything out of the browser, at once: a page that signs its customer out mostly goes elsewhere in the same moment. The
 * service is told by a request that outlives the page. Fulfils with whether it was; `false` where there was nothing to tell.
 */
export async function forgetAll(service: string): Promise<boolean> {
  let token: string | undefined;
  try {
    const kept = JSON.parse(localStorage.getItem(`${PREFIX}session`) ?? 'null') as KeptSession | null;
    token = kept?.session.accessToken;
    for (const storage of [localStorage, sessionStorage]) {
      for (const key of Object.keys(storage)) if (key.startsWith(PREFIX)) storage.removeItem(key);
    }
  } catch {
    // There is no storage, or somebody else's text in it.
  }
  instead = undefined;
  if (token === undefined) return false;
  const headers = { authorization: `Bearer ${token}` };
  return fetch(`${service}/auth/logout`, { method: 'POST', headers, keepalive: true }).then(
    () => true,
    () => false,
  );
}

/** What this file takes from how the client keeps the session. */
interface KeptSession {
  readonly session: { readonly accessToken: string };
}
