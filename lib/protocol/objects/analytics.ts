import * as z from 'zod/mini';
import { answerSchema, schema } from '../schema.ts';
import { idSchema, timestampSchema } from './common.ts';

const MEDIAN = 'Exact where the period has at most 1,000 closed conversations in all, else within 1 %.';

const ratingsSchema = /* @__PURE__ */ answerSchema(
  () =>
    z.object({
      count: z.int(),
      mean: schema(() => z.nullable(z.number()), { description: 'To two places; `null` where there is none.' }),
    }),
  { id: 'RatingFigures' },
);

const agentFiguresSchema = /* @__PURE__ */ answerSchema(
  () => z.object({ id: idSchema, name: z.string(), closedConversations: z.int(), ratings: ratingsSchema() }),
  { id: 'AgentFigures' },
);

const supervisorFiguresSchema = /* @__PURE__ */ answerSchema(
  () =>
    z.object({
      supervisor: schema(() => z.object({ id: idSchema, name: z.string(), email: z.string() }), {
        id: 'SupervisorPerson',
      }),
      agentCount: schema(() => z.int(), { description: 'Active agents under this supervisor now.' }),
      closedConversations: z.int(),
      medianFirstResponseSeconds: schema(() => z.nullable(z.number()), { description: MEDIAN }),
      medianResolutionSeconds: schema(() => z.nullable(z.number()), { description: MEDIAN }),
      ratings: ratingsSchema(),
      agents: z.array(agentFiguresSchema()),
    }),
  { id: 'SupervisorFigures' },
);

export const timelineSchema = /* @__PURE__ */ answerSchema(
  () =>
    z.object({
      days: z.array(
        schema(
          () =>
            z.object({
              date: schema(() => z.string(), { description: 'A day of the time zone.', examples: ['2026-01-31'] }),
              opened: schema(() => z.nullable(z.int()), {
                description: '`null` for a supervisor: open ones belong to no team.',
              }),
              closed: schema(() => z.int(), {
                description:
                  'With an agent, as the ratings and the median times: one that was closed while it was open counts for none.',
              }),
              medianFirstResponseSeconds: schema(() => z.nullable(z.number()), { description: 'Within 1 %.' }),
              medianResolutionSeconds: schema(() => z.nullable(z.number()), { description: 'Within 1 %.' }),
              ratings: ratingsSchema(),
            }),
          { id: 'DayFigures' },
        ),
      ),
    }),
  { id: 'Timeline' },
);
export type Timeline = z.infer<ReturnType<typeof timelineSchema>>;

export const supervisorAnalyticsSchema = /* @__PURE__ */ answerSchema(
  () =>
    z.object({
      from: z.nullable(timestampSchema),
      to: z.nullable(timestampSchema),
      supervisors: z.array(supervisorFiguresSchema()),
      totals: schema(() => z.object({ supervisors: z.int(), agents: z.int(), closedConversations: z.int() }), {
        id: 'AnalyticsTotals',
      }),
    }),
  { id: 'SupervisorAnalytics' },
);
export type SupervisorAnalytics = z.infer<ReturnType<typeof supervisorAnalyticsSchema>>;
