import { httpEndpoint } from '../../lib/http/endpoint.ts';
import * as routes from '../../lib/protocol/routes/desk.ts';
import * as service from '../../lib/services/desk/deleteReply.ts';

export const deleteReply = httpEndpoint(routes.deleteReply, async ({ caller, params }) => {
  await service.deleteReply(caller, params.replyId);
  return undefined;
});
