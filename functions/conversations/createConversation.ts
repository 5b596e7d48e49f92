import { httpEndpoint } from '../../lib/http/endpoint.ts';
import * as routes from '../../lib/protocol/routes/conversations.ts';
import { createConversation } from '../../lib/services/conversations/createConversation.ts';

export const handler = httpEndpoint(routes.createConversation, async ({ caller, body, repeats }) => {
  const { conversation, repeated } = await createConversation(caller, body);
  if (repeated) repeats();
  return conversation;
});
