import { httpEndpoint } from '../../lib/http/endpoint.ts';
import * as routes from '../../lib/protocol/routes/desk.ts';
import * as service from '../../lib/services/desk/listReplies.ts';

export const listReplies = httpEndpoint(routes.listReplies, ({ caller, query }) => service.listReplies(caller, query));
