import { dropConnection } from '../../lib/services/rooms/dropConnection.ts';
import type { SocketEndpoint } from '../../lib/websocket/frameHandler.ts';
import { HANDLED } from '../../lib/websocket/frames.ts';
import { unknownEvent } from '../../lib/websocket/unknownEvent.ts';

export const disconnect: SocketEndpoint = {
  routeKey: '$disconnect',
  handle: async (event, context) => {
    if (event.requestContext.eventType === 'DISCONNECT') {
      await dropConnection(event.requestContext.connectionId);
      return HANDLED;
    }
    // A frame {"event": "$disconnect"} must not forget a connection that still exists.
    return unknownEvent.handle(event, context);
  },
};
