import type { APIGatewayProxyResultV2, Context } from 'aws-lambda';
import { openConnection } from '../../lib/services/rooms/openConnection.ts';
import type { SocketEvent } from '../../lib/websocket/frames.ts';
import { upgrade } from '../../lib/websocket/upgrade.ts';

export async function handler(event: SocketEvent, context: Context): Promise<APIGatewayProxyResultV2> {
  if (event.requestContext.eventType === 'CONNECT') return upgrade(event, openConnection);
  // A frame {"event": "$connect"} must not open a connection. Loaded when it comes to that: an upgrade hardly ever posts.
  const { answerUnknown } = await import('../../lib/websocket/unknown.ts');
  return answerUnknown(event, context);
}
