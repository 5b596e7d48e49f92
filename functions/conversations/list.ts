import { httpEndpoint } from '../../lib/http/endpoint.ts';
import * as routes from '../../lib/protocol/routes.ts';
import { listConversations } from '../../lib/services/conversations/readConversations.ts';

export const handler = httpEndpoint(routes.listConversations, ({ caller, query }) => listConversations(caller, query));
