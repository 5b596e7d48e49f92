import * as z from 'zod/mini';
import { supervisorAnalyticsSchema } from '../objects/analytics.ts';
import { route, timeQuery } from '../route.ts';

export const supervisorAnalytics = /* @__PURE__ */ route(() => ({
  operation: 'supervisorAnalytics',
  method: 'GET',
  path: '/analytics/supervisors',
  summary: 'Closed conversations per supervisor and agent, with median times.',
  tag: 'analytics',
  query: z.strictObject({ from: z.optional(timeQuery), to: z.optional(timeQuery) }),
  status: 200,
  response: supervisorAnalyticsSchema,
  repeat: 'safe',
  errors: [],
}));
