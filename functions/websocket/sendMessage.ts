import { SEND_MESSAGE } from '../../lib/protocol/events.ts';
import * as service from '../../lib/services/rooms/sendMessage.ts';
import { onEarlyEvent } from '../../lib/websocket/clientEvent.ts';

export const sendMessage = onEarlyEvent(SEND_MESSAGE, async ({ connectionId, caller, data, reply, waitUntil }) => {
  const sent = await service.sendMessage({ connectionId, caller }, data);
  reply('MESSAGE_ACCEPTED', service.accepted(sent));
  waitUntil(() => service.tellRoom(sent));
});
