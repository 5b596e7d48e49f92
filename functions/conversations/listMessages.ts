import { httpEndpoint } from '../../lib/http/endpoint.ts';
import * as routes from '../../lib/protocol/routes/conversations.ts';
import * as service from '../../lib/services/conversations/listMessages.ts';

export const listMessages = httpEndpoint(routes.listMessages, ({ caller, params, query }) =>
  service.listMessages(caller, params.conversationId, query),
);
