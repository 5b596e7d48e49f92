import { httpEndpoint } from '../../lib/http/endpoint.ts';
import * as routes from '../../lib/protocol/routes/conversations.ts';
import * as service from '../../lib/services/conversations/createConversation.ts';

export const createConversation = httpEndpoint(routes.createConversation, async ({ caller, body, repeats }) => {
  const { conversation, repeated } = await service.createConversation(caller, body);
  if (repeated) repeats();
  return conversation;
});
