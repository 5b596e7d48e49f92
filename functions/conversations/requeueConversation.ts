import { httpEndpoint } from '../../lib/http/endpoint.ts';
import * as routes from '../../lib/protocol/routes/conversations.ts';
import { requeueConversation, tellRequeued } from '../../lib/services/conversations/requeueConversation.ts';

export const handler = httpEndpoint(routes.requeueConversation, async ({ caller, params, waitUntil }) => {
  const requeued = await requeueConversation(caller, params.conversationId);
  waitUntil(() => tellRequeued(requeued));
  return requeued.conversation;
});
