import { httpEndpoint } from '../../lib/http/endpoint.ts';
import * as routes from '../../lib/protocol/routes/conversations.ts';
import * as service from '../../lib/services/conversations/closeConversation.ts';
import { tryFinishClosing } from '../../lib/services/conversations/finishClosing.ts';
import { handOnClosed } from '../../lib/services/desk/changes.ts';

export const closeConversation = httpEndpoint(routes.closeConversation, async ({ caller, params, waitUntil }) => {
  const closed = await service.closeAndPresent(caller, params.conversationId);
  waitUntil(() => tryFinishClosing(closed));
  waitUntil(() => handOnClosed(closed.record));
  return closed.conversation;
});
