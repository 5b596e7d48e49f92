import { httpEndpoint } from '../../lib/http/endpoint.ts';
import * as routes from '../../lib/protocol/routes/conversations.ts';
import * as service from '../../lib/services/conversations/listConversations.ts';

export const listConversations = httpEndpoint(routes.listConversations, ({ caller, query }) =>
  service.listConversations(caller, query),
);
