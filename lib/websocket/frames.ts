import type { APIGatewayProxyStructuredResultV2, APIGatewayProxyWebsocketEventV2 } from 'aws-lambda';
import type * as z from 'zod/mini';
import { AppError, invalid, retryAfterOf } from '../errors/appError.ts';
import { asAppError } from '../errors/faults.ts';
import { validate } from '../errors/validate.ts';
import {
  type ClientEvent,
  clientFrameSchema,
  type ServerData,
  type ServerEventName,
  type ServerFrame,
} from '../protocol/events.ts';
import { requestIdSchema } from '../protocol/objects/common.ts';
import type { Repeating } from '../protocol/repeating.ts';
import { detailOf } from '../protocol/repeating.ts';
import { config } from '../runtime/config.ts';
import { errorFields, logger } from '../runtime/logger.ts';
import { metrics } from '../runtime/metrics.ts';

/** The event that API Gateway gives a WebSocket handler. Only `$connect` has `headers`. */
export type SocketEvent = APIGatewayProxyWebsocketEventV2 & {
  readonly headers?: Readonly<Record<string, string | undefined>>;
};

/** Returns the socket's address, as the gateway saw it. */
export function sourceIpOf(event: SocketEvent): string | null {
  const { identity } = event.requestContext as { identity?: { sourceIp?: string } };
  return identity?.sourceIp ?? null;
}

/** The answer to the gateway. The status only says that the frame was handled; clients are answered by frames. */
export const HANDLED = { statusCode: 200 } satisfies APIGatewayProxyStructuredResultV2;

/** A frame that is parsed but not validated. `fields` is any JSON object. */
export interface RawFrame {
  readonly fields: Readonly<Record<string, unknown>>;
  /** The client's `requestId`, for the answer. It is there even when the rest of the frame is wrong. */
  readonly requestId: string | undefined;
}

/**
 * The largest message that API Gateway forwards. Nothing larger is parsed, wherever it comes from.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html
 */
const MOST_PARSED_BYTES = 128 * 1024;

/** Parses a frame. Throws `PAYLOAD_TOO_LARGE`, `MALFORMED_JSON`. */
export function parseFrame(event: SocketEvent): RawFrame {
  const most = config().MAX_FRAME_BYTES;
  if (sizeOf(event) > most) throw new AppError('PAYLOAD_TOO_LARGE', `A frame may have ${most} bytes.`);
  return parseText(event);
}

/**
 * Reads event and `requestId` of a refused frame, for the answer to repeat: a frame that is too large has them too.
 * `undefined` where the frame is no JSON object, or larger than the gateway forwards.
 */
export function readRefused(event: SocketEvent): RawFrame | undefined {
  if (sizeOf(event) > MOST_PARSED_BYTES) return undefined;
  try {
    return parseText(event);
  } catch {
    return undefined;
  }
}

/** Parses a frame of any size. Throws `MALFORMED_JSON`. */
function parseText({ body, isBase64Encoded }: SocketEvent): RawFrame {
  // A binary frame comes as base64; from the emulator, as bytes.
  if (isBase64Encoded || (body !== undefined && typeof body !== 'string')) {
    throw new AppError('MALFORMED_JSON', 'Send text frames: this one was binary.');
  }
  let parsed: unknown;
  try {
    parsed = JSON.parse(body ?? '');
  } catch {
    throw new AppError('MALFORMED_JSON', 'A frame must be one JSON object.');
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw new AppError('MALFORMED_JSON', 'A frame must be one JSON object.');
  }
  const fields = parsed as Record<string, unknown>;
  return { fields, requestId: requestIdSchema.safeParse(fields['requestId']).data };
}

function sizeOf({ body, isBase64Encoded }: SocketEvent): number {
  const given: unknown = body ?? '';
  if (typeof given !== 'string') return given instanceof Uint8Array ? given.length : 0;
  // Base64 has four characters for three bytes.
  return isBase64Encoded ? (given.length * 3) / 4 : Buffer.byteLength(given);
}

/** Makes a server frame. It repeats the `requestId` of the client frame that it answers. */
export function frame<N extends ServerEventName>(event: N, data: ServerData<N>, requestId?: string): ServerFrame {
  return { event, data, ...(requestId !== undefined && { requestId }) } as ServerFrame;
}

/** Validates a parsed frame by the envelope's schema and its event's. Throws `VALIDATION_FAILED`. */
export function validateFrame<E extends ClientEvent>(expected: E, { fields }: RawFrame): z.infer<E['data']> {
  const { event, data } = validate(clientFrameSchema, fields, '');
  // The gateway routed by its own reading of the frame. Where ours differs (a key given twice), neither is trusted.
  if (event !== expected.event) throw invalid('/event', `is not ${expected.event}`);
  return validate(expected.data, data, '/data') as z.infer<E['data']>;
}

/** Makes the `ERROR` frame for anything thrown, and logs it. A fault's frame has its code and nothing else of it. */
export function errorFrame(thrown: unknown, raw: RawFrame | undefined, repeat: Repeating): ServerFrame {
  const error = asAppError(thrown);
  if (error.code === 'INTERNAL' || error.code === 'UNAVAILABLE') {
    logger.error('failed', { code: error.code, ...errorFields(thrown) });
    metrics({ Faults: 1 });
  } else {
    logger.info('refused', { code: error.code });
  }
  const { code, errors } = error;
  const message = detailOf(error, repeat, raw?.fields['data']);
  const retryAfter = retryAfterOf(error);
  const data = {
    code,
    message,
    event: eventName(raw),
    ...(errors && { errors: [...errors] }),
    ...(retryAfter !== undefined && { retryAfter }),
  } as ServerData<'ERROR'>;
  return frame('ERROR', data, raw?.requestId);
}

/** Returns the client's name of its event; cut, because the client may have written anything. */
function eventName(raw: RawFrame | undefined): string | null {
  const event = raw?.fields['event'];
  return typeof event === 'string' ? event.slice(0, 64).toWellFormed() : null;
}
