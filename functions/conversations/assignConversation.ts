import { httpEndpoint } from '../../lib/http/endpoint.ts';
import * as routes from '../../lib/protocol/routes/conversations.ts';
import { assignConversation, tellAssigned } from '../../lib/services/conversations/assignConversation.ts';

export const handler = httpEndpoint(routes.assignConversation, async ({ caller, params, body, waitUntil }) => {
  const assigned = await assignConversation(caller, params.conversationId, body.agentId);
  waitUntil(() => tellAssigned(assigned));
  return assigned.conversation;
});
