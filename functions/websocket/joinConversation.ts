import { JOIN_CONVERSATION } from '../../lib/protocol/events.ts';
import { finishTurn } from '../../lib/realtime/turns.ts';
import * as service from '../../lib/services/rooms/joinConversation.ts';
import { onClientEvent } from '../../lib/websocket/clientEvent.ts';

export const joinConversation = onClientEvent(
  JOIN_CONVERSATION,
  async ({ caller, data, reply }) => {
    const { answer, turn } = await service.joinConversation(caller, data);
    reply('CONVERSATION_JOINED', answer, { afterwards: () => finishTurn(turn) });
  },
  ({ conversationId }) => conversationId,
);
