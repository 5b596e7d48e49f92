import { httpEndpoint } from '../../lib/http/endpoint.ts';
import * as routes from '../../lib/protocol/routes.ts';
import { getConversation } from '../../lib/services/conversations/readConversations.ts';

export const handler = httpEndpoint(routes.getConversation, ({ caller, params }) =>
  getConversation(caller, params.conversationId),
);
