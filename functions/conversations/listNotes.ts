import { httpEndpoint } from '../../lib/http/endpoint.ts';
import * as routes from '../../lib/protocol/routes/conversations.ts';
import * as service from '../../lib/services/conversations/listNotes.ts';

export const listNotes = httpEndpoint(routes.listNotes, ({ caller, params, query }) =>
  service.listNotes(caller, params.conversationId, query),
);
