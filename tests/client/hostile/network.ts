import { setTimeout as sleep } from 'node:timers/promises';
import type { Fetch, Socket, SocketConstructor } from '../../../client/src/index.ts';
import type { Random } from '../../faults/historyChecker/random.ts';
import type { Gateway } from '../../support/gateway.ts';
import type { Transport } from '../../support/socket.ts';
import { UpgradeRefused } from '../../support/system.ts';
import { fetchAt } from '../support/browser.ts';

/** How bad it is: probabilities, and milliseconds. */
export interface Weather {
  /** A request or a command is answered with a fault, whether it was carried out or not. */
  readonly faults: number;
  /** A frame, either way, a request or an answer gets lost. */
  readonly loss: number;
  /** A frame comes twice. */
  readonly doubling: number;
  /** The longest that a frame is held up. Frames are held up each for themselves, so that they overtake each other. */
  readonly delay: number;
}

export const CALM: Weather = { faults: 0, loss: 0, doubling: 0, delay: 2 };

/** Commands of which a second run may be answered before the first one, and differently. */
const NOT_DOUBLED = ['CLOSE_CONVERSATION', 'LEAVE_CONVERSATION'];

/** A page that the system may put to sleep: what happens to it meanwhile it hears of when it wakes. */
export class Sleeper {
  #waiting: (() => void)[] | null = null;

  get isAsleep(): boolean {
    return this.#waiting !== null;
  }

  sleep(): void {
    this.#waiting ??= [];
  }

  wake(): void {
    const waiting = this.#waiting ?? [];
    this.#waiting = null;
    for (const work of waiting) setImmediate(() => this.run(work));
  }

  /** Now, or when the page is awake. */
  run(work: () => void): void {
    if (this.#waiting) this.#waiting.push(work);
    else work();
  }

  awake(): Promise<void> {
    return new Promise((resolve) => this.run(resolve));
  }
}

/** How something fails that came through. */
interface Fault {
  /** It was carried out all the same. */
  readonly isDone: boolean;
  readonly answer: { readonly status: number; readonly type: string; readonly body: string };
  readonly frame: (of: { readonly event: string; readonly requestId: string }) => object;
}

const PROBLEM = 'application/problem+json';
const errorFrame =
  (code: string, retryAfter?: number): Fault['frame'] =>
  ({ event, requestId }) => ({
    event: 'ERROR',
    data: { code, message: code, event, ...(retryAfter !== undefined && { retryAfter }) },
    requestId,
  });
const gatewayFrame: Fault['frame'] = () => ({
  message: 'Internal server error',
  connectionId: 'one',
  requestId: 'another',
});

/** Of the service, of the gateway, and of something before it. */
const UNKNOWN: readonly Omit<Fault, 'isDone'>[] = [
  {
    answer: { status: 503, type: PROBLEM, body: '{"status":503,"code":"UNAVAILABLE","detail":"no database"}' },
    frame: errorFrame('UNAVAILABLE', 1),
  },
  {
    answer: { status: 500, type: PROBLEM, body: '{"status":500,"code":"INTERNAL","detail":"a fault"}' },
    frame: errorFrame('INTERNAL'),
  },
  {
    answer: { status: 500, type: 'application/json', body: '{"message":"Internal Server Error"}' },
    frame: gatewayFrame,
  },
  { answer: { status: 502, type: 'text/html', body: '<h1>Bad gateway</h1>' }, frame: gatewayFrame },
];
const TOO_MANY: Fault = {
  isDone: false,
  answer: { status: 429, type: PROBLEM, body: '{"status":429,"code":"RATE_LIMITED","detail":"too many"}' },
  frame: errorFrame('RATE_LIMITED', 1),
};

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
  readonly #fetch: Fetch;
  #isDown = false;
  #isFaulty = false;
  weather: Weather = CALM;

  constructor(gateway: Gateway, random: Random) {
    this.#gateway = gateway;
    this.#random = random;
    this.#fetch = fetchAt(gateway);
  }

  /** The network as a page has it. */
  of(page: Sleeper): { readonly fetch: Fetch; readonly WebSocket: SocketConstructor } {
    return { fetch: this.#fetchThrough(page), WebSocket: this.#socketThrough(page) };
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

  /** The service answers, and only to say that it can't: its database is gone. */
  async outage(ms: number): Promise<void> {
    this.#isFaulty = true;
    await sleep(ms);
    this.#isFaulty = false;
  }

  /** Every access token that was used so far is refused from now on. */
  expireTokens(): void {
    for (const token of this.#seen) this.#expired.add(token);
  }

  get #isLost(): boolean {
    return this.#isDown || this.#random.chance(this.weather.loss);
  }

  get #fault(): Fault | null {
    const random = this.#random;
    if (!this.#isFaulty && !random.chance(this.weather.faults)) return null;
    if (!this.#isFaulty && random.chance(0.2)) return TOO_MANY;
    return { ...random.pick(UNKNOWN), isDone: random.chance(0.5) };
  }

  get #delay(): number {
    return this.#random.fraction() * this.weather.delay;
  }

  #isRefused(token: string): boolean {
    this.#seen.add(token);
    return this.#expired.has(token);
  }

  #fetchThrough(page: Sleeper): Fetch {
    return async (url, init) => {
      try {
        return await this.#request(url, init);
      } finally {
        await page.awake();
      }
    };
  }

  #request: Fetch = async (url, init) => {
    await sleep(this.#delay);
    if (this.#isLost) throw new TypeError('fetch failed');
    const token = init.headers['authorization']?.replace('Bearer ', '');
    if (token !== undefined && this.#isRefused(token)) {
      return answerOf({ status: 401, type: PROBLEM, body: '{"status":401,"code":"INVALID_TOKEN","detail":"expired"}' });
    }
    const fault = this.#fault;
    if (fault && !fault.isDone) return answerOf(fault.answer);
    const answer = await this.#fetch(url, init);
    await sleep(this.#delay);
    if (this.#isLost) throw new TypeError('fetch failed');
    return fault ? answerOf(fault.answer) : answer;
  };

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

  #socketThrough(page: Sleeper): SocketConstructor {
    const network = this;
    return class implements Socket {
      onopen: ((event: never) => void) | null = null;
      onmessage: ((event: { readonly data: unknown }) => void) | null = null;
      onclose: ((event: { readonly code: number }) => void) | null = null;
      onerror: ((event: never) => void) | null = null;
      #transport: Transport | undefined;
      #isClosed = false;
      /** What is told in place of the answers to these commands. */
      readonly #faults = new Map<string, object>();
      readonly #wire: Wire = { isDead: false, cut: (code) => this.#lose(code) };

      constructor(_url: string, protocols: string[]) {
        void this.#connect(protocols);
      }

      send(text: string): void {
        if (this.#isClosed) return;
        const { event, requestId } = JSON.parse(text) as { event: string; requestId?: string };
        const fault = requestId === undefined ? null : network.#fault;
        const mayDouble = fault === null && !NOT_DOUBLED.includes(event);
        network.#carry(this.#wire, mayDouble, () => {
          if (fault === null || requestId === undefined) return this.#transport?.send(text);
          const frame = fault.frame({ event, requestId });
          if (!fault.isDone) return this.#hear(JSON.stringify(frame));
          this.#faults.set(requestId, frame);
          this.#transport?.send(text);
        });
      }

      #hear(text: string): void {
        const { requestId = '' } = JSON.parse(text) as { requestId?: string };
        const fault = this.#faults.get(requestId);
        const heard = fault ? JSON.stringify(fault) : text;
        network.#carry(this.#wire, true, () => page.run(() => this.onmessage?.({ data: heard })));
      }

      close(): void {
        // Through a dead socket no farewell comes either.
        if (!this.#wire.isDead) this.#transport?.close();
        this.#end(1005);
      }

      async #connect(protocols: string[]): Promise<void> {
        await sleep(network.#delay);
        if (network.#isLost || network.#isFaulty || network.#isRefused(protocols[1] ?? '')) return this.#end(1006);
        network.#wires.add(this.#wire);
        try {
          await network.#gateway.open({ protocols }, (transport) => {
            this.#transport = transport;
            return {
              receive: (text: string) => this.#hear(text),
              end: (code: number) => {
                if (!this.#wire.isDead) this.#end(code);
              },
            };
          });
          if (this.#isClosed) this.#transport?.close();
          else if (!this.#wire.isDead) page.run(() => this.onopen?.(undefined as never));
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
        page.run(() => this.onclose?.({ code }));
      }
    };
  }
}

function answerOf({ status, type, body }: Fault['answer']): Awaited<ReturnType<Fetch>> {
  return { status, headers: { get: (name) => (name === 'content-type' ? type : null) }, text: async () => body };
}
