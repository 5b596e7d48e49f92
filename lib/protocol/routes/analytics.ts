import * as z from 'zod/mini';
import { supervisorAnalyticsSchema, timelineSchema } from '../objects/analytics.ts';
import { route, timeQuery } from '../route.ts';
import { schema } from '../schema.ts';

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

export const timeline = /* @__PURE__ */ route(() => ({
  operation: 'timeline',
  method: 'GET',
  path: '/analytics/timeline',
  summary: 'Day by day: opened, closed, median times and ratings; a supervisor sees their own team.',
  tag: 'analytics',
  query: z.strictObject({
    from: timeQuery,
    to: schema(() => timeQuery, {
      description: 'At most 366 days after `from`. Every day that has begun by then is whole.',
    }),
    timeZone: z._default(
      schema(() => z.string().check(z.maxLength(64)), {
        description: 'Of the IANA database.',
        examples: ['Europe/Berlin'],
      }),
      'UTC',
    ),
  }),
  status: 200,
  response: timelineSchema,
  repeat: 'safe',
  errors: [],
}));
