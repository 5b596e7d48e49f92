import { httpEndpoint } from '../../lib/http/endpoint.ts';
import * as routes from '../../lib/protocol/routes/analytics.ts';
import * as service from '../../lib/services/analytics/supervisorAnalytics.ts';

export const supervisorAnalytics = httpEndpoint(routes.supervisorAnalytics, ({ query }) =>
  service.supervisorAnalytics(query),
);
