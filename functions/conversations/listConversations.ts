import { httpEndpoint } from '../../lib/http/endpoint.ts';
import * as routes from '../../lib/protocol/routes/conversations.ts';
import { listConversations } from '../../lib/services/conversations/listConversations.ts';

export const handler = httpEndpoint(routes.listConversations, ({ caller, query }) => listConversations(caller, query));
