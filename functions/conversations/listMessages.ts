import { httpEndpoint } from '../../lib/http/endpoint.ts';
import * as routes from '../../lib/protocol/routes/conversations.ts';
import { listMessages } from '../../lib/services/conversations/listMessages.ts';

export const handler = httpEndpoint(routes.listMessages, ({ caller, params, query }) =>
  listMessages(caller, params.conversationId, query),
);
