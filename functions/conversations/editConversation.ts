import { httpEndpoint } from '../../lib/http/endpoint.ts';
import * as routes from '../../lib/protocol/routes/conversations.ts';
import * as service from '../../lib/services/conversations/editConversation.ts';
import { changed, handOn } from '../../lib/services/desk/changes.ts';

export const editConversation = httpEndpoint(routes.editConversation, async ({ caller, params, body, waitUntil }) => {
  const { conversation, before } = await service.editConversation(caller, params.conversationId, body);
  if (before) waitUntil(() => handOn({ changes: [changed(before, 'edited')] }));
  return conversation;
});
