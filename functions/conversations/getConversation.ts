import { httpEndpoint } from '../../lib/http/endpoint.ts';
import * as routes from '../../lib/protocol/routes/conversations.ts';
import * as service from '../../lib/services/conversations/getConversation.ts';

export const getConversation = httpEndpoint(routes.getConversation, ({ caller, params }) =>
  service.getConversation(caller, params.conversationId),
);
