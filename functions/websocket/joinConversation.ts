import { JOIN_CONVERSATION } from '../../lib/protocol/events.ts';
import { finishTurn } from '../../lib/realtime/turns.ts';
import * as service from '../../lib/services/rooms/joinConversation.ts';
import { tellArrived } from '../../lib/services/rooms/presence.ts';
import { onClientEvent } from '../../lib/websocket/clientEvent.ts';

export const joinConversation = onClientEvent(
  JOIN_CONVERSATION,
  async ({ caller, data, reply, waitUntil }) => {
    const { answer, turn, arrivedIn } = await service.joinConversation(caller, data);
    reply('CONVERSATION_JOINED', answer, { afterwards: () => finishTurn(turn) });
    if (arrivedIn) waitUntil(() => tellArrived(arrivedIn, caller.userId));
  },
  ({ conversationId }) => conversationId,
);
