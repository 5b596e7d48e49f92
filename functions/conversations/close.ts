import { httpEndpoint } from '../../lib/http/endpoint.ts';
import * as routes from '../../lib/protocol/routes.ts';
import { closeConversation } from '../../lib/services/conversations/closeConversation.ts';
import { beginFinishing } from '../../lib/services/conversations/finishClosing.ts';

export const handler = httpEndpoint(routes.closeConversation, async ({ caller, params, follow }) => {
  const closed = await closeConversation(caller, params.conversationId);
  follow(() => beginFinishing(closed));
  return closed.conversation;
});
