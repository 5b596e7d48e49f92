import { httpEndpoint } from '../../lib/http/endpoint.ts';
import * as routes from '../../lib/protocol/routes/operations.ts';
import * as service from '../../lib/services/operations/listAudit.ts';

export const listAudit = httpEndpoint(routes.listAudit, ({ query }) => service.listAudit(query));
