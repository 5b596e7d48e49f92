import { httpEndpoint } from '../../lib/http/endpoint.ts';
import * as routes from '../../lib/protocol/routes/conversations.ts';
import * as service from '../../lib/services/conversations/assignConversation.ts';
import { changed, handOn } from '../../lib/services/desk/changes.ts';

export const assignConversation = httpEndpoint(
  routes.assignConversation,
  async ({ caller, params, body, waitUntil }) => {
    const assigned = await service.assignConversation(caller, params.conversationId, body.agentId);
    waitUntil(() => service.tellAssigned(assigned.change));
    if (assigned.change) waitUntil(() => handOn({ changes: [changed(assigned.before, 'assigned')] }));
    return assigned.conversation;
  },
);
