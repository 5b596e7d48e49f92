import { WATCH_QUEUE } from '../../lib/protocol/events.ts';
import * as service from '../../lib/services/desk/watchQueue.ts';
import { onClientEvent } from '../../lib/websocket/clientEvent.ts';

export const watchQueue = onClientEvent(WATCH_QUEUE, async ({ caller, data, reply }) => {
  reply('QUEUE_WATCHED', await service.watchQueue(caller, data.cursor));
});
