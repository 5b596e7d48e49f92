import { httpEndpoint } from '../../lib/http/endpoint.ts';
import * as routes from '../../lib/protocol/routes.ts';
import { readAudit } from '../../lib/services/audit/readAudit.ts';

export const handler = httpEndpoint(routes.listAudit, ({ query }) => readAudit(query));
