import type { Invocation } from './disturbance.ts';

/** The header that names the invocation; frames do it by their `requestId`. */
export const KEY_HEADER = 'x-invocation';

interface AnyEvent {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly requestContext?: { readonly connectionId?: string; readonly eventType?: string };
}

/** Invocations that are to be recognized by their key when the gateway makes them, and disconnects that get lost. */
export class Announced {
  readonly #expected = new Map<string, Invocation>();
  readonly #lost = new Set<string>();

  expect(invocation: Invocation): void {
    this.#expected.set(invocation.key, invocation);
  }

  /** The `$disconnect` of this connection gets lost. */
  loseDisconnect(connectionId: string): void {
    this.#lost.add(connectionId);
  }

  /** Carries an event as its invocation, where it was announced. */
  async carry(raw: unknown, carry: (invocation: Invocation | undefined) => Promise<unknown>): Promise<unknown> {
    const event = raw as AnyEvent;
    const { connectionId = '', eventType } = event.requestContext ?? {};
    if (eventType === 'DISCONNECT' && this.#lost.delete(connectionId)) return { statusCode: 200 };
    const key = event.headers?.[KEY_HEADER] ?? (eventType === 'MESSAGE' ? requestId(event.body) : undefined);
    const invocation = key === undefined ? undefined : this.#expected.get(key);
    if (!invocation) return carry(undefined);
    this.#expected.delete(invocation.key);
    return invocation.run(
      () => carry(invocation),
      () => {
        // Of a socket's event the gateway tells the client nothing that our protocol knows; an HTTP request fails.
        if (eventType === 'MESSAGE') return { statusCode: 200 };
        throw new Error(`invocation ${invocation.key} was killed`);
      },
    );
  }
}

const requestId = (body = '{}'): string | undefined => (JSON.parse(body) as { requestId?: string }).requestId;
