import { openConnection } from '../../lib/services/rooms/openConnection.ts';
import type { SocketEndpoint } from '../../lib/websocket/frameHandler.ts';
import { unknownEvent } from '../../lib/websocket/unknownEvent.ts';
import { upgrade } from '../../lib/websocket/upgrade.ts';

export const connect: SocketEndpoint = {
  routeKey: '$connect',
  handle: async (event, context) => {
    if (event.requestContext.eventType === 'CONNECT') return upgrade(event, openConnection);
    // A frame {"event": "$connect"} must not open a connection.
    return unknownEvent.handle(event, context);
  },
};
