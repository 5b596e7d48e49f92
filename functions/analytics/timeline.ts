import { httpEndpoint } from '../../lib/http/endpoint.ts';
import * as routes from '../../lib/protocol/routes/analytics.ts';
import * as service from '../../lib/services/analytics/timeline.ts';

export const timeline = httpEndpoint(routes.timeline, ({ caller, query }) => service.timeline(caller, query));
