import { httpEndpoint } from '../../lib/http/endpoint.ts';
import * as routes from '../../lib/protocol/routes/operations.ts';
import { listAudit } from '../../lib/services/operations/listAudit.ts';

export const handler = httpEndpoint(routes.listAudit, ({ query }) => listAudit(query));
