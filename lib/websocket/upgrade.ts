import type { APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import { bearerToken } from '../auth/authenticate.ts';
import { clientAddress } from '../auth/trustedProxy.ts';
import { asAppError } from '../errors/faults.ts';
import { ERRORS } from '../protocol/errors.ts';
import { SUBPROTOCOL } from '../protocol/events.ts';
import { errorFields, logger, withLogFields } from '../runtime/logger.ts';
import { metrics } from '../runtime/metrics.ts';
import { connect } from '../store/database.ts';
import { type SocketEvent, sourceIpOf } from './frames.ts';

/** A request for a socket. */
export interface Upgrade {
  readonly connectionId: string;
  readonly token: string | undefined;
  /** Browsers always send an origin; other clients don't. */
  readonly origin: string | undefined;
  readonly sourceIp: string | null;
}

/**
 * Admits or refuses a socket. The client sees only the status. The gateway wants the accepted subprotocol in the answer.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/websocket-connect-route-subprotocol.html
 */
export async function upgrade(
  event: SocketEvent,
  open: (wish: Upgrade) => Promise<void>,
): Promise<APIGatewayProxyStructuredResultV2> {
  const { connectionId, requestId } = event.requestContext;
  return withLogFields({ requestId, connectionId, operation: '$connect' }, async () => {
    try {
      const sourceIp = await clientAddress((name) => header(event, name), sourceIpOf(event));
      const offered = subprotocols(header(event, 'sec-websocket-protocol'));
      const token = bearerToken(header(event, 'authorization')) ?? tokenBeside(offered);
      await connect();
      await open({ connectionId, token, origin: header(event, 'origin'), sourceIp });
      logger.info('connected');
      return {
        statusCode: 200,
        ...(offered[0] === SUBPROTOCOL && { headers: { 'Sec-WebSocket-Protocol': SUBPROTOCOL } }),
      };
    } catch (thrown) {
      const { code } = asAppError(thrown);
      const statusCode = ERRORS[code].status ?? 400;
      if (statusCode >= 500) {
        logger.error('connection failed', { code, ...errorFields(thrown) });
        metrics({ Faults: 1 });
      } else logger.info('connection refused', { code });
      return { statusCode };
    }
  });
}

/** Finds a header. API Gateway keeps the case in which a client wrote its headers. */
function header(event: SocketEvent, name: string): string | undefined {
  return Object.entries(event.headers ?? {}).find(([key]) => key.toLowerCase() === name)?.[1];
}

const subprotocols = (value: string | undefined): string[] =>
  (value ?? '')
    .split(',')
    .map((offered) => offered.trim())
    .filter((offered) => offered !== '');

/** Finds the token of a browser, which can set no header: `["live-support.v1", accessToken]`. */
function tokenBeside(offered: readonly string[]): string | undefined {
  // Only in this order: the first one may be answered as the subprotocol, and that must not be the token.
  return offered[0] === SUBPROTOCOL ? offered[1] : undefined;
}
