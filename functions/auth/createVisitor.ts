import { httpEndpoint } from '../../lib/http/endpoint.ts';
import * as routes from '../../lib/protocol/routes/auth.ts';
import * as service from '../../lib/services/auth/createVisitor.ts';

export const createVisitor = httpEndpoint(routes.createVisitor, ({ body, sourceIp }) =>
  service.createVisitor(body, sourceIp),
);
