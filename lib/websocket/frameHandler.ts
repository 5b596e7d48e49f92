import middy, { type MiddlewareObj } from '@middy/core';
import type { APIGatewayProxyResultV2, Context } from 'aws-lambda';
import type { ServerData, ServerEventName, ServerFrame } from '../protocol/events.ts';
import type { Repeating } from '../protocol/repeating.ts';
import type { Post } from '../realtime/gateway.ts';
import { afterCommand, withinDeadline } from '../runtime/deadline.ts';
import { withLogFields } from '../runtime/logger.ts';
import { metrics } from '../runtime/metrics.ts';
import { errorFrame, frame, HANDLED, parseFrame, type RawFrame, readRefused, type SocketEvent } from './frames.ts';

/**
 * Makes ready to post a frame to a connection. The post never throws: a client finds missed messages by joining again.
 */
export type Prepare = (connectionId: string, frame: ServerFrame) => Post;

/** What a handler may do beside its command. Both are awaited before Lambda may freeze the process. */
export interface Outlet {
  /** Answers the sender. The answer repeats the `requestId` of the sender's frame. */
  reply<N extends ServerEventName>(event: N, data: ServerData<N>, around?: Around): void;
  /** Makes an answer ready before it may be given, and returns what gives it. Nothing is posted where that isn't called. */
  prepareReply<N extends ServerEventName>(event: N, data: ServerData<N>): () => void;
  /** Runs work that follows the command. It has its own time limits and can't undo the command. Must not reject. */
  waitUntil(work: () => Promise<unknown>): void;
}

/** Work around an answer, with its own time. Neither may reject. */
export interface Around {
  /** The answer is posted once this is over. */
  readonly before?: () => Promise<unknown>;
  /** Runs once the answer was posted, or can't be posted any more. */
  readonly afterwards?: () => Promise<unknown>;
}

export type SocketHandler = (event: SocketEvent, context: Context) => Promise<APIGatewayProxyResultV2>;

/** An endpoint answers one WebSocket route. The gateway gives the route's key with an event: `SEND_MESSAGE`. */
export interface SocketEndpoint {
  readonly routeKey: string;
  readonly handle: SocketHandler;
}

type ParsedEvent = SocketEvent & { frame?: RawFrame; following?: Promise<unknown>[] };
type SocketMiddleware = MiddlewareObj<ParsedEvent, APIGatewayProxyResultV2, Error, Context>;

/**
 * Makes the endpoint of a WebSocket route: parse the frame, run the middlewares, then `handle`. Anything thrown becomes
 * an `ERROR` frame, and the gateway always gets 200, because its own error message is not a frame of the protocol.
 */
export function onFrame(
  { event: routeKey, repeat }: { readonly event: string; readonly repeat: Repeating },
  prepare: Prepare,
  handle: (raw: RawFrame, outlet: Outlet, event: SocketEvent) => Promise<void>,
): SocketEndpoint {
  const prepareAnswer = counted(prepare);
  const run = middy<ParsedEvent, APIGatewayProxyResultV2, Error, Context>()
    .use([answerErrors(prepareAnswer, repeat), parsed()])
    .handler(async (event) => {
      const { frame: raw = parseFrame(event), following = [] } = event;
      const toSender = <N extends ServerEventName>(name: N, data: ServerData<N>): Post =>
        prepareAnswer(event.requestContext.connectionId, frame(name, data, raw.requestId));
      let givenUp = false;
      const outlet: Outlet = {
        reply: (name, data, { before, afterwards } = {}) => {
          const give = async () => {
            await before?.();
            // A command that was given up has been answered UNAVAILABLE: it gets no second answer.
            if (!givenUp) await toSender(name, data)();
            await afterCommand(async () => afterwards?.());
          };
          following.push(before ? afterCommand(give) : give());
        },
        prepareReply: (name, data) => {
          const post = toSender(name, data);
          return () => {
            if (!givenUp) following.push(post());
          };
        },
        waitUntil: (work) => void following.push(afterCommand(work)),
      };
      await withinDeadline(() => handle(raw, outlet, event)).catch((error: unknown) => {
        givenUp = true;
        throw error;
      });
      return HANDLED;
    });
  return {
    routeKey,
    handle: (event, context) => {
      const { requestId, connectionId } = event.requestContext;
      return withLogFields({ requestId, connectionId, operation: routeKey }, async () => {
        const following: Promise<unknown>[] = [];
        const handled = (await run({ ...event, following }, context)) as APIGatewayProxyResultV2;
        // Also after a command that was given up: it may be committed.
        await Promise.all(following);
        return handled;
      });
    },
  };
}

/**
 * Answers that could not be delivered are counted like failed broadcasts. Delivered answers are too many to count one
 * by one.
 */
const counted =
  (prepare: Prepare): Prepare =>
  (connectionId, answer) => {
    const post = prepare(connectionId, answer);
    return async () => {
      const delivery = await post();
      if (delivery === 'gone') metrics({ DeliveriesGone: 1 });
      if (delivery === 'failed') metrics({ DeliveriesFailed: 1 });
      return delivery;
    };
  };

const answerErrors = (prepare: Prepare, repeat: Repeating): SocketMiddleware => ({
  onError: async (request) => {
    const { requestContext, frame: raw = readRefused(request.event) } = request.event;
    await prepare(requestContext.connectionId, errorFrame(request.error, raw, repeat))();
    request.response = HANDLED;
  },
});

const parsed = (): SocketMiddleware => ({
  before: ({ event }) => {
    event.frame = parseFrame(event);
  },
});
