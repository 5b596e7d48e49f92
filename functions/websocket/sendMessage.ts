import { SEND_MESSAGE } from '../../lib/protocol/events.ts';
import * as service from '../../lib/services/rooms/sendMessage.ts';
import { onEarlyEvent } from '../../lib/websocket/clientEvent.ts';

export const sendMessage = onEarlyEvent(
  SEND_MESSAGE,
  async ({ connectionId, caller, data, prepareReply, waitUntil }) => {
    const { reply, tellRoom } = await service.sendMessage({ connectionId, caller }, data, (sent) => ({
      reply: prepareReply('MESSAGE_ACCEPTED', service.accepted(sent)),
      tellRoom: service.prepareToTell(sent),
    }));
    reply();
    waitUntil(tellRoom);
  },
);
