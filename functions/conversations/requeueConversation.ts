import { httpEndpoint } from '../../lib/http/endpoint.ts';
import * as routes from '../../lib/protocol/routes/conversations.ts';
import * as service from '../../lib/services/conversations/requeueConversation.ts';
import { changed, handOn } from '../../lib/services/desk/changes.ts';

export const requeueConversation = httpEndpoint(routes.requeueConversation, async ({ caller, params, waitUntil }) => {
  const requeued = await service.requeueConversation(caller, params.conversationId);
  waitUntil(() => service.tellRequeued(requeued.change));
  waitUntil(() => handOn({ changes: [changed(requeued.before, 'requeued')] }));
  return requeued.conversation;
});
