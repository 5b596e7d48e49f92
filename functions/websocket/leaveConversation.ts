import { LEAVE_CONVERSATION } from '../../lib/protocol/events.ts';
import { finishTurn } from '../../lib/realtime/turns.ts';
import * as service from '../../lib/services/rooms/leaveConversation.ts';
import { tellLeft } from '../../lib/services/rooms/presence.ts';
import { onClientEvent } from '../../lib/websocket/clientEvent.ts';

export const leaveConversation = onClientEvent(LEAVE_CONVERSATION, async ({ caller, data, reply, waitUntil }) => {
  const { turn, room } = await service.leaveConversation(caller, data.conversationId);
  reply('CONVERSATION_LEFT', { conversationId: data.conversationId }, { afterwards: () => finishTurn(turn) });
  waitUntil(() => tellLeft(room, caller.userId));
});
