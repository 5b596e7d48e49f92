import { httpEndpoint } from '../../lib/http/endpoint.ts';
import * as routes from '../../lib/protocol/routes/desk.ts';
import * as service from '../../lib/services/desk/createReply.ts';

export const createReply = httpEndpoint(routes.createReply, ({ caller, body }) => service.createReply(caller, body));
