import { CLOSE_CONVERSATION } from '../../lib/protocol/events.ts';
import { answersGiven } from '../../lib/realtime/turns.ts';
import * as service from '../../lib/services/conversations/closeConversation.ts';
import { closedNotice, tryFinishClosing } from '../../lib/services/conversations/finishClosing.ts';
import { handOnClosed } from '../../lib/services/desk/changes.ts';
import { onClientEvent } from '../../lib/websocket/clientEvent.ts';

export const closeConversation = onClientEvent(CLOSE_CONVERSATION, async ({ caller, data, reply, waitUntil }) => {
  const { connectionId } = caller;
  const closed = await service.closeConversation(caller, data.conversationId, data.after);
  waitUntil(() => tryFinishClosing(closed, connectionId));
  waitUntil(() => handOnClosed(closed.record));
  reply('CONVERSATION_CLOSED', closedNotice(closed.record), {
    // A join of this connection that was under way must not be answered after the close.
    before: () =>
      answersGiven(
        closed.room.inTurn.filter((id) => id === connectionId),
        data.conversationId,
      ),
  });
});
