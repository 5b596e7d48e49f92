import { httpEndpoint } from '../../lib/http/endpoint.ts';
import * as routes from '../../lib/protocol/routes/conversations.ts';
import * as service from '../../lib/services/conversations/closeConversation.ts';
import { beforeClose, tryFinishClosing } from '../../lib/services/conversations/finishClosing.ts';
import { changed, handOn } from '../../lib/services/desk/changes.ts';

export const closeConversation = httpEndpoint(routes.closeConversation, async ({ caller, params, waitUntil }) => {
  const closed = await service.closeAndPresent(caller, params.conversationId);
  waitUntil(() => tryFinishClosing(closed));
  waitUntil(() => handOn({ changes: [changed(beforeClose(closed.record), 'closed')] }));
  return closed.conversation;
});
