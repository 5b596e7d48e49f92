import { httpEndpoint } from '../../lib/http/endpoint.ts';
import * as routes from '../../lib/protocol/routes.ts';
import { listMessages } from '../../lib/services/conversations/readConversations.ts';

export const handler = httpEndpoint(routes.listMessages, ({ caller, params, query }) =>
  listMessages(caller, params.conversationId, query),
);
