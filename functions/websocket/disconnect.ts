import type { APIGatewayProxyResultV2, Context } from 'aws-lambda';
import { dropConnection } from '../../lib/services/rooms/dropConnection.ts';
import { HANDLED, type SocketEvent } from '../../lib/websocket/frames.ts';

export async function handler(event: SocketEvent, context: Context): Promise<APIGatewayProxyResultV2> {
  if (event.requestContext.eventType === 'DISCONNECT') {
    await dropConnection(event.requestContext.connectionId);
    return HANDLED;
  }
  // A frame {"event": "$disconnect"} must not forget a connection that is still there.
  const { answerUnknown } = await import('../../lib/websocket/unknown.ts');
  return answerUnknown(event, context);
}
