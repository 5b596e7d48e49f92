import { httpEndpoint } from '../../lib/http/endpoint.ts';
import * as routes from '../../lib/protocol/routes/analytics.ts';
import { supervisorAnalytics } from '../../lib/services/analytics/supervisorAnalytics.ts';

export const handler = httpEndpoint(routes.supervisorAnalytics, ({ query }) => supervisorAnalytics(query));
