import { httpEndpoint } from '../../lib/http/endpoint.ts';
import * as routes from '../../lib/protocol/routes/desk.ts';
import * as service from '../../lib/services/desk/getRouting.ts';

export const getRouting = httpEndpoint(routes.getRouting, ({ caller }) => service.getRouting(caller));
