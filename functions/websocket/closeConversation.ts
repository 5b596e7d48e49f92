import { CLOSE_CONVERSATION } from '../../lib/protocol/events.ts';
import { closeConversation } from '../../lib/services/conversations/closeConversation.ts';
import { beginFinishing, closedNotice } from '../../lib/services/conversations/finishClosing.ts';
import { onClientEvent } from '../../lib/websocket/clientEvent.ts';

export const handler = onClientEvent(CLOSE_CONVERSATION, async ({ caller, data, reply, follow }) => {
  const closed = await closeConversation(caller, data.conversationId);
  reply('CONVERSATION_CLOSED', closedNotice(closed.conversation));
  follow(() => beginFinishing(closed, caller.connectionId));
});
