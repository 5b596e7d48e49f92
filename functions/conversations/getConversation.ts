import { httpEndpoint } from '../../lib/http/endpoint.ts';
import * as routes from '../../lib/protocol/routes/conversations.ts';
import { getConversation } from '../../lib/services/conversations/getConversation.ts';

export const handler = httpEndpoint(routes.getConversation, ({ caller, params }) =>
  getConversation(caller, params.conversationId),
);
