import { MARK_READ } from '../../lib/protocol/events.ts';
import * as service from '../../lib/services/rooms/markRead.ts';
import { onClientEvent } from '../../lib/websocket/clientEvent.ts';

export const markRead = onClientEvent(MARK_READ, async ({ caller, data, reply, waitUntil }) => {
  const marked = await service.markRead(caller, data.conversationId, data.seq);
  reply('MESSAGES_READ', marked.mark);
  waitUntil(() => service.tellRead(marked, caller.connectionId));
});
