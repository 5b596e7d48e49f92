import { httpEndpoint } from '../../lib/http/endpoint.ts';
import { routes } from '../../lib/protocol/routes.ts';
import { assignConversation } from '../../lib/services/conversations/assignConversation.ts';

export const handler = httpEndpoint(routes.assignConversation, ({ caller, params, body }) =>
  assignConversation(caller, params.conversationId, body.agentId),
);
