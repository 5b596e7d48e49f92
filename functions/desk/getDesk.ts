import { httpEndpoint } from '../../lib/http/endpoint.ts';
import * as routes from '../../lib/protocol/routes/desk.ts';
import * as service from '../../lib/services/desk/getDesk.ts';

export const getDesk = httpEndpoint(routes.getDesk, () => service.getDesk());
