import * as z from 'zod/mini';
import { answerSchema, schema } from '../schema.ts';
import { idSchema, timestampSchema } from './common.ts';

const MEDIAN = 'Exact where the period has at most 1,000 closed conversations in all, else within 1 %.';

const agentFiguresSchema = /* @__PURE__ */ answerSchema(
  () => z.object({ id: idSchema, name: z.string(), closedConversations: z.int() }),
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
      agents: z.array(agentFiguresSchema()),
    }),
  { id: 'SupervisorFigures' },
);

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
