import { httpEndpoint } from '../../lib/http/endpoint.ts';
import * as routes from '../../lib/protocol/routes/conversations.ts';
import * as service from '../../lib/services/conversations/assignConversation.ts';

export const assignConversation = httpEndpoint(
  routes.assignConversation,
  async ({ caller, params, body, waitUntil }) => {
    const assigned = await service.assignConversation(caller, params.conversationId, body.agentId);
    waitUntil(() => service.tellAssigned(assigned));
    return assigned.conversation;
  },
);
