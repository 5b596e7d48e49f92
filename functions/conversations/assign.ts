import { httpEndpoint } from '../../lib/http/endpoint.ts';
import * as routes from '../../lib/protocol/routes.ts';
import { assignConversation, tellAssigned } from '../../lib/services/conversations/assignConversation.ts';

export const handler = httpEndpoint(routes.assignConversation, async ({ caller, params, body, follow }) => {
  const assigned = await assignConversation(caller, params.conversationId, body.agentId);
  follow(() => tellAssigned(assigned));
  return assigned.conversation;
});
