import { JOIN_CONVERSATION } from '../../lib/protocol/events.ts';
import { joinConversation } from '../../lib/services/rooms/joinConversation.ts';
import { onClientEvent } from '../../lib/websocket/clientEvent.ts';

export const handler = onClientEvent(JOIN_CONVERSATION, async ({ caller, data, reply }) => {
  reply('CONVERSATION_JOINED', await joinConversation(caller, data));
});
