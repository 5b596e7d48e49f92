import { httpEndpoint } from '../../lib/http/endpoint.ts';
import * as routes from '../../lib/protocol/routes/conversations.ts';
import * as service from '../../lib/services/conversations/rateConversation.ts';
import { changed, handOn } from '../../lib/services/desk/changes.ts';

export const rateConversation = httpEndpoint(routes.rateConversation, async ({ caller, params, body, waitUntil }) => {
  const { rating, before } = await service.rateConversation(caller, params.conversationId, body);
  if (before) waitUntil(() => handOn({ changes: [changed(before, 'edited')] }));
  return rating;
});
