import type { Fetch, Socket, SocketConstructor } from '../../../client/src/index.ts';
import type { Gateway } from '../../support/gateway.ts';
import type { Transport } from '../../support/socket.ts';
import { UpgradeRefused } from '../../support/system.ts';

/** What a client says to the handlers in this process: `fetch` and `WebSocket`, as a browser has them. */
export function browserAt(gateway: Gateway): { readonly fetch: Fetch; readonly WebSocket: SocketConstructor } {
  return { fetch: fetchAt(gateway), WebSocket: socketAt(gateway) };
}

export function fetchAt(gateway: Gateway): Fetch {
  return async (url, { method, headers, body }) => {
    const { pathname, search } = new URL(url);
    const { authorization, ...others } = headers;
    const answer = await gateway.http({
      method,
      path: pathname + search,
      token: authorization?.replace('Bearer ', ''),
      raw: body,
      headers: others,
    });
    const text =
      typeof answer.body === 'string' ? answer.body : answer.body === undefined ? '' : JSON.stringify(answer.body);
    return { status: answer.status, headers: { get: (name) => answer.headers[name] ?? null }, text: async () => text };
  };
}

export function socketAt(gateway: Gateway): SocketConstructor {
  return class implements Socket {
    onopen: ((event: never) => void) | null = null;
    onmessage: ((event: { readonly data: unknown }) => void) | null = null;
    onclose: ((event: { readonly code: number }) => void) | null = null;
    onerror: ((event: never) => void) | null = null;
    #transport: Transport | undefined;
    #isClosed = false;

    constructor(_url: string, protocols: string[]) {
      void gateway
        .open({ protocols }, (transport) => {
          this.#transport = transport;
          return {
            receive: (text: string) => this.onmessage?.({ data: text }),
            end: (code: number) => this.#end(code),
          };
        })
        .then(
          () => {
            if (this.#isClosed) this.#transport?.close();
            else this.onopen?.(undefined as never);
          },
          (error: unknown) => {
            if (!(error instanceof UpgradeRefused)) throw error;
            // A browser is told no more.
            this.#end(1006);
          },
        );
    }

    send(text: string): void {
      this.#transport?.send(text);
    }

    close(): void {
      this.#transport?.close();
      this.#end(1005);
    }

    #end(code: number): void {
      if (this.#isClosed) return;
      this.#isClosed = true;
      this.onclose?.({ code });
    }
  };
}
