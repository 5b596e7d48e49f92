import { UNWATCH_QUEUE } from '../../lib/protocol/events.ts';
import * as service from '../../lib/services/desk/unwatchQueue.ts';
import { onClientEvent } from '../../lib/websocket/clientEvent.ts';

export const unwatchQueue = onClientEvent(UNWATCH_QUEUE, async ({ caller, reply }) => {
  await service.unwatchQueue(caller);
  reply('QUEUE_UNWATCHED', {});
});
