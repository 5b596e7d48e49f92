import { setTimeout as sleep } from 'node:timers/promises';
import type { Fetch, Socket, SocketConstructor } from '../../../client/src/index.ts';
import type { Random } from '../../faults/historyChecker/random.ts';
import type { Gateway } from '../../support/gateway.ts';
import type { Transport } from '../../support/socket.ts';
import { UpgradeRefused } from '../../support/system.ts';
import { fetchAt } from '../support/browser.ts';

/** How bad it is: probabilities, and milliseconds. */
export interface Weather {
  /** A frame, either way, a request or an answer gets lost. */
  readonly loss: number;
  /** A frame comes twice. */
  readonly doubling: number;
  /** The longest that a frame is held up. Frames are held up each for themselves, so that they overtake each other. */
  readonly delay: number;
}

export const CALM: Weather = { loss: 0, doubling: 0, delay: 2 };

/** Commands of which a second run may be answered before the first one, and differently. */
const NOT_DOUBLED = ['CLOSE_CONVERSATION', 'LEAVE_CONVERSATION'];

interface Wire {
  /** Half open: the socket looks well, and nothing goes through it any more. */
  isDead: boolean;
  /** As if the other side had gone. */
  cut(code: number): void;
}

/** A network between clients and the handlers in this process that does what networks do. */
export class Network {
  readonly #gateway: Gateway;
  readonly #random: Random;
  readonly #wires = new Set<Wire>();
  readonly #expired = new Set<string>();
  readonly #seen = new Set<string>();
  #isDown = false;
  weather: Weather = CALM;
  readonly fetch: Fetch;
  readonly WebSocket: SocketConstructor;

  constructor(gateway: Gateway, random: Random) {
    this.#gateway = gateway;
    this.#random = random;
    this.fetch = this.#fetchThrough(fetchAt(gateway));
    this.WebSocket = this.#socketThrough();
  }

  /** Every socket is lost. The sides hear of it, or don't. */
  cutAll(code: number): void {
    for (const wire of [...this.#wires]) wire.cut(code);
  }

  /** Every socket goes dead, and nobody is told. */
  killAll(): void {
    for (const wire of this.#wires) wire.isDead = true;
  }

  /** The service is gone for a moment: every socket is lost, every request fails, and what is under way is not answered. */
  async restart(ms: number): Promise<void> {
    this.#isDown = true;
    this.cutAll(1006);
    await sleep(ms);
    this.#isDown = false;
  }

  /** Every access token that was used so far is refused from now on. */
  expireTokens(): void {
    for (const token of this.#seen) this.#expired.add(token);
  }

  get #isLost(): boolean {
    return this.#isDown || this.#random.chance(this.weather.loss);
  }

  get #delay(): number {
    return this.#random.fraction() * this.weather.delay;
  }

  #isRefused(token: string): boolean {
    this.#seen.add(token);
    return this.#expired.has(token);
  }

  #fetchThrough(fetch: Fetch): Fetch {
    return async (url, init) => {
      await sleep(this.#delay);
      if (this.#isLost) throw new TypeError('fetch failed');
      const token = init.headers['authorization']?.replace('Bearer ', '');
      if (token !== undefined && this.#isRefused(token)) {
        const body = JSON.stringify({ status: 401, code: 'INVALID_TOKEN', detail: 'expired' });
        return {
          status: 401,
          headers: { get: (name) => (name === 'content-type' ? 'application/problem+json' : null) },
          text: async () => body,
        };
      }
      const answer = await fetch(url, init);
      await sleep(this.#delay);
      if (this.#isLost) throw new TypeError('fetch failed');
      return answer;
    };
  }

  /** One way of a socket: each text comes once, never or twice, whenever it likes. */
  #carry(wire: Wire, mayDouble: boolean, deliver: () => void): void {
    if (wire.isDead || this.#isLost) return;
    const times = mayDouble && this.#random.chance(this.weather.doubling) ? 2 : 1;
    for (let time = 0; time < times; time += 1) {
      setTimeout(() => {
        if (!wire.isDead && !this.#isDown) deliver();
      }, this.#delay);
    }
  }

  #socketThrough(): SocketConstructor {
    const network = this;
    return class implements Socket {
      onopen: ((event: never) => void) | null = null;
      onmessage: ((event: { readonly data: unknown }) => void) | null = null;
      onclose: ((event: { readonly code: number }) => void) | null = null;
      onerror: ((event: never) => void) | null = null;
      #transport: Transport | undefined;
      #isClosed = false;
      readonly #wire: Wire = { isDead: false, cut: (code) => this.#lose(code) };

      constructor(_url: string, protocols: string[]) {
        void this.#connect(protocols);
      }

      send(text: string): void {
        if (this.#isClosed) return;
        const mayDouble = !NOT_DOUBLED.some((event) => text.includes(event));
        network.#carry(this.#wire, mayDouble, () => this.#transport?.send(text));
      }

      close(): void {
        // Through a dead socket no farewell comes either.
        if (!this.#wire.isDead) this.#transport?.close();
        this.#end(1005);
      }

      async #connect(protocols: string[]): Promise<void> {
        await sleep(network.#delay);
        if (network.#isLost || network.#isRefused(protocols[1] ?? '')) return this.#end(1006);
        network.#wires.add(this.#wire);
        try {
          await network.#gateway.open({ protocols }, (transport) => {
            this.#transport = transport;
            return {
              receive: (text: string) => network.#carry(this.#wire, true, () => this.onmessage?.({ data: text })),
              end: (code: number) => {
                if (!this.#wire.isDead) this.#end(code);
              },
            };
          });
          if (this.#isClosed) this.#transport?.close();
          else if (!this.#wire.isDead) this.onopen?.(undefined as never);
        } catch (error) {
          if (!(error instanceof UpgradeRefused)) throw error;
          this.#end(1006);
        }
      }

      #lose(code: number): void {
        this.#transport?.close();
        this.#end(code);
      }

      #end(code: number): void {
        network.#wires.delete(this.#wire);
        if (this.#isClosed) return;
        this.#isClosed = true;
        this.onclose?.({ code });
      }
    };
  }
}
