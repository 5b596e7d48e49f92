import * as z from 'zod/mini';
import { type ServerData, type ServerEventName, type ServerFrame, serverEvents } from '../../lib/protocol/events.ts';
import { checkCandidatesFrame } from './candidateSees.ts';
import { within } from './deadline.ts';

type FrameOf<N extends ServerEventName> = Extract<ServerFrame, { event: N }>;

/** How a socket reaches the system under test. */
export interface Transport {
  send(text: string): void;
  close(): void;
}

/**
 * A client's end of a socket. Every frame is checked against the protocol and queued, so that none is missed; a wait
 * that hangs rejects.
 */
export class Socket {
  /** Everything received, in order of arrival. */
  readonly received: ServerFrame[] = [];
  /** Fulfils with the close code. */
  readonly closed: Promise<number>;
  readonly #queue: ServerFrame[] = [];
  readonly #waiting = new Set<() => void>();
  readonly #transport: Transport;
  readonly #isCandidates: boolean;
  #close: (code: number) => void = () => undefined;
  #requests = 0;
  isClosed = false;

  constructor(transport: Transport, isCandidates: boolean) {
    this.#transport = transport;
    this.#isCandidates = isCandidates;
    this.closed = new Promise((resolve) => {
      this.#close = resolve;
    });
  }

  /** For the transport: a frame came in. */
  receive(text: string): void {
    const frame = checked(text);
    if (this.#isCandidates) checkCandidatesFrame(frame);
    this.received.push(frame);
    this.#queue.push(frame);
    for (const look of [...this.#waiting]) look();
  }

  /** For the transport: the socket is closed. */
  end(code: number): void {
    this.isClosed = true;
    this.#close(code);
  }

  send(event: string, data: unknown, requestId?: string): void {
    this.sendText(JSON.stringify({ event, data, requestId }));
  }

  sendText(text: string): void {
    this.#transport.send(text);
  }

  close(): void {
    this.#transport.close();
  }

  /** The first queued frame, or the next to come, of this event that the predicate likes; it is taken off the queue. */
  async next<N extends ServerEventName>(
    event: N,
    like: (data: ServerData<N>, frame: FrameOf<N>) => boolean = () => true,
  ): Promise<FrameOf<N>> {
    const found = await this.#take(
      (frame) => frame.event === event && like(frame.data as ServerData<N>, frame as FrameOf<N>),
      `a ${event} frame`,
    );
    return found as FrameOf<N>;
  }

  /** Sends with a `requestId` and waits for the frame that repeats it, whatever it is. */
  async ask(event: string, data: unknown): Promise<ServerFrame> {
    this.#requests += 1;
    const requestId = `request-${this.#requests}`;
    this.send(event, data, requestId);
    return this.#take((frame) => frame.requestId === requestId, `the answer to ${event}`);
  }

  /** As `ask`, and the answer must be this event. */
  async expect<N extends ServerEventName>(answer: N, event: string, data: unknown): Promise<ServerData<N>> {
    const frame = await this.ask(event, data);
    if (frame.event !== answer) throw new Error(`${event} was answered ${JSON.stringify(frame)}, not ${answer}`);
    return frame.data as ServerData<N>;
  }

  /** As `ask`, and the answer must be an `ERROR`; its data. */
  async refused(event: string, data: unknown): Promise<ServerData<'ERROR'>> {
    return this.expect('ERROR', event, data);
  }

  /** Every frame sent to this socket before now has arrived: what was asked later is answered. */
  async settle(): Promise<void> {
    await this.expect('PONG', 'PING', {});
  }

  frames<N extends ServerEventName>(event: N): ServerData<N>[] {
    return this.received.filter((frame) => frame.event === event).map((frame) => frame.data as ServerData<N>);
  }

  async #take(like: (frame: ServerFrame) => boolean, what: string): Promise<ServerFrame> {
    let look: () => void = () => undefined;
    const found = new Promise<ServerFrame>((resolve) => {
      look = () => {
        const index = this.#queue.findIndex(like);
        if (index < 0) return;
        this.#waiting.delete(look);
        resolve(this.#queue.splice(index, 1)[0] as ServerFrame);
      };
    });
    this.#waiting.add(look);
    look();
    try {
      return await within(
        `${what} (received: ${this.received.map((frame) => frame.event).join(' ') || 'nothing'})`,
        found,
      );
    } finally {
      this.#waiting.delete(look);
    }
  }
}

const envelope = z.strictObject({ event: z.string(), data: z.unknown(), requestId: z.optional(z.string()) });

/** Throws unless the text is a frame of the protocol, without a field the protocol doesn't name. */
function checked(text: string): ServerFrame {
  const frame = envelope.parse(JSON.parse(text));
  const schema: z.ZodMiniObject | undefined = serverEvents[frame.event as ServerEventName];
  if (!schema) throw new Error(`the protocol has no server event ${frame.event}`);
  z.strictObject(schema.shape).parse(frame.data);
  return frame as ServerFrame;
}
