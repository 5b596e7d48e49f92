import { httpEndpoint } from '../../lib/http/endpoint.ts';
import * as routes from '../../lib/protocol/routes/desk.ts';
import * as service from '../../lib/services/desk/updateReply.ts';

export const updateReply = httpEndpoint(routes.updateReply, ({ caller, params, body }) =>
  service.updateReply(caller, params.replyId, body),
);
