import { httpEndpoint } from '../../lib/http/endpoint.ts';
import * as routes from '../../lib/protocol/routes/conversations.ts';
import * as service from '../../lib/services/conversations/createConversation.ts';
import { handOn } from '../../lib/services/desk/changes.ts';

export const createConversation = httpEndpoint(
  routes.createConversation,
  async ({ caller, body, repeats, waitUntil }) => {
    const { conversation, repeated } = await service.createConversation(caller, body);
    if (repeated) repeats();
    else waitUntil(() => handOn({ changes: [{ conversationId: conversation.id, reason: 'opened', formerly: null }] }));
    return conversation;
  },
);
