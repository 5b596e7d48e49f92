import { randomUUID } from 'node:crypto';
import { type Socket as IoSocket, io } from 'socket.io-client';
import WebSocket from 'ws';
import { within } from '../../tests/support/deadline.ts';

/** A client's end of a connection, as light as can be: it shares the machine with what is measured. */
export interface Link {
  join(conversationId: string, afterSeq?: number): Promise<void>;
  /** Sends a message. Fulfils with its `seq` when the acknowledgement is there. */
  send(conversationId: string, content: string, clientMessageId: string): Promise<number>;
  /** Any other event, answered by a frame with its `requestId`. */
  ask(event: string, data: unknown): Promise<unknown>;
  /** An event without an answer. */
  tell(event: string, data: unknown): void;
  /** Called with the `clientMessageId` of each `NEW_MESSAGE`. */
  onMessage: (clientMessageId: string) => void;
  /** Called with each other frame that answers nothing. */
  onTold: (event: string, data: unknown) => void;
  close(): void;
}

interface Frame {
  readonly event: string;
  readonly data: { readonly clientMessageId: string; readonly seq: number };
  readonly requestId?: string;
}

/** A link that speaks the service's frames: `{event, data, requestId}`. */
export async function openFrames(address: string, token: string): Promise<Link> {
  const socket = new WebSocket(`ws://${address}`, { headers: { authorization: `Bearer ${token}` } });
  await within(
    'a socket',
    new Promise((fulfil, reject) => {
      socket.once('open', fulfil);
      socket.once('error', reject);
    }),
  );
  const waiting = new Map<string, { fulfil: (data: Frame['data']) => void; reject: (error: Error) => void }>();
  let serial = 0;
  const ask = (event: string, data: object, key?: string): Promise<Frame['data']> =>
    new Promise((fulfil, reject) => {
      serial += 1;
      const requestId = String(serial);
      waiting.set(key ?? requestId, { fulfil, reject });
      socket.send(JSON.stringify({ event, data, requestId }));
    });
  const link: Link = {
    join: async (conversationId, afterSeq) => {
      await ask('JOIN_CONVERSATION', { conversationId, ...(afterSeq !== undefined && { afterSeq }) }, 'join');
    },
    send: async (conversationId, content, clientMessageId) =>
      (await ask('SEND_MESSAGE', { conversationId, content, clientMessageId }, clientMessageId)).seq,
    ask: (event, data) => ask(event, data as object),
    tell: (event, data) => socket.send(JSON.stringify({ event, data })),
    onMessage: () => undefined,
    onTold: () => undefined,
    close: () => socket.close(),
  };
  const answered = (
    key: string | undefined,
    give: (to: { fulfil(data: Frame['data']): void; reject(error: Error): void }) => void,
  ) => {
    const waiter = key === undefined ? undefined : waiting.get(key);
    if (key !== undefined) waiting.delete(key);
    if (waiter) give(waiter);
  };
  socket.on('message', (text) => {
    const { event, data, requestId } = JSON.parse(text.toString()) as Frame;
    switch (event) {
      case 'NEW_MESSAGE':
        return link.onMessage(data.clientMessageId);
      case 'MESSAGE_ACCEPTED':
        return answered(data.clientMessageId, ({ fulfil }) => fulfil(data));
      case 'CONVERSATION_JOINED':
        return answered('join', ({ fulfil }) => fulfil(data));
      case 'ERROR':
        // Nothing that is measured may be refused.
        for (const { reject } of waiting.values()) reject(new Error(`refused: ${JSON.stringify(data)}`));
        return waiting.clear();
      default:
        if (requestId === undefined) return link.onTold(event, data);
        return answered(requestId, ({ fulfil }) => fulfil(data));
    }
  });
  socket.on('close', () => {
    for (const { reject } of waiting.values()) reject(new Error('the socket was closed'));
    waiting.clear();
  });
  return link;
}

/** A link to Socket.IO: the same events and data in its packets, acknowledgements by its own means. */
export async function openSocketIo(address: string, token: string): Promise<Link> {
  const socket: IoSocket = io(`http://${address}`, {
    transports: ['websocket'],
    forceNew: true,
    extraHeaders: { authorization: `Bearer ${token}` },
  });
  await within(
    'a socket',
    new Promise<void>((fulfil, reject) => {
      socket.once('connect', fulfil);
      socket.once('connect_error', reject);
    }),
  );
  const ask = (event: string, data: unknown): Promise<Frame['data']> =>
    new Promise((fulfil) => socket.emit(event, data, fulfil));
  const link: Link = {
    join: async (conversationId) => void (await ask('JOIN_CONVERSATION', { conversationId })),
    send: async (conversationId, content, clientMessageId) =>
      (await ask('SEND_MESSAGE', { conversationId, content, clientMessageId })).seq,
    ask,
    tell: (event, data) => void socket.emit(event, data),
    onMessage: () => undefined,
    onTold: () => undefined,
    close: () => socket.close(),
  };
  socket.on('NEW_MESSAGE', (data: Frame['data']) => link.onMessage(data.clientMessageId));
  return link;
}

/** Two people in a conversation, each with a link that has joined. */
export class Room {
  readonly conversationId: string;
  readonly sides: readonly [Link, Link];
  /** How often each side has seen each message. */
  readonly seen: readonly [Map<string, number>, Map<string, number>] = [new Map(), new Map()];
  /** The `seq` of each acknowledged message. */
  readonly accepted = new Map<string, number>();
  readonly #waiting = new Map<string, (at: number) => void>();

  constructor(conversationId: string, sides: readonly [Link, Link]) {
    this.conversationId = conversationId;
    this.sides = sides;
    for (const side of [0, 1] as const) {
      sides[side].onMessage = (id) => {
        const at = performance.now();
        this.seen[side].set(id, (this.seen[side].get(id) ?? 0) + 1);
        const key = `${side} ${id}`;
        this.#waiting.get(key)?.(at);
        this.#waiting.delete(key);
      };
    }
  }

  /** One side says something. Fulfils when it is acknowledged and the other side has seen it. */
  async say(side: 0 | 1, content: string): Promise<Said> {
    const id = randomUUID();
    const seen = new Promise<number>((fulfil) => this.#waiting.set(`${1 - side} ${id}`, fulfil));
    const begun = performance.now();
    const accepted = this.sides[side]
      .send(this.conversationId, content, id)
      .then((seq) => ({ seq, at: performance.now() }));
    const [{ seq, at }, seenAt] = await within('a message to be acknowledged and seen', Promise.all([accepted, seen]));
    this.accepted.set(id, seq);
    return { acknowledgedMs: at - begun, seenMs: seenAt - begun };
  }

  close(): void {
    for (const side of this.sides) side.close();
  }
}

export interface Said {
  readonly acknowledgedMs: number;
  readonly seenMs: number;
}
