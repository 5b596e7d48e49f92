import { fileEndpoint } from '../../lib/http/endpoint.ts';
import * as routes from '../../lib/protocol/routes/conversations.ts';
import * as service from '../../lib/services/conversations/getTranscript.ts';

export const getTranscript = fileEndpoint(routes.getTranscript, ({ caller, params, query }) =>
  service.getTranscript(caller, params.conversationId, query.format),
);
