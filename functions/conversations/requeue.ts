import { httpEndpoint } from '../../lib/http/endpoint.ts';
import * as routes from '../../lib/protocol/routes.ts';
import { requeueConversation, tellRequeued } from '../../lib/services/conversations/requeueConversation.ts';

export const handler = httpEndpoint(routes.requeueConversation, async ({ caller, params, follow }) => {
  const requeued = await requeueConversation(caller, params.conversationId);
  follow(() => tellRequeued(requeued));
  return requeued.conversation;
});
