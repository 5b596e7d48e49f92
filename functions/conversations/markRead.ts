import { httpEndpoint } from '../../lib/http/endpoint.ts';
import * as routes from '../../lib/protocol/routes/conversations.ts';
import * as service from '../../lib/services/rooms/markRead.ts';

export const markRead = httpEndpoint(routes.markRead, async ({ caller, params, body, waitUntil }) => {
  const marked = await service.markRead(caller, params.conversationId, body.seq);
  waitUntil(() => service.tellRead(marked));
  return marked.mark;
});
