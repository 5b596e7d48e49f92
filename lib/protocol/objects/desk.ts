import * as z from 'zod/mini';
import { ROUTING_MODES } from '../../domain/desk.ts';
import { answerSchema, schema } from '../schema.ts';

const LEAST_SECONDS = 60;
const MOST_SECONDS = 86_400;

const wait = (description: string) =>
  schema(() => z.nullable(z.int().check(z.minimum(LEAST_SECONDS), z.maximum(MOST_SECONDS))), { description });

const routingFields = () => ({
  mode: schema(() => z.enum(ROUTING_MODES), { id: 'RoutingMode' }),
  requeueAfterSeconds: wait(
    'How long an agent may be absent before what they hold is requeued, in automatic mode; `null` for ever.',
  ),
  answerWithinSeconds: wait(
    'How long an agent may take to say a first word before it is requeued, in automatic mode; `null` for ever.',
  ),
});

export const routingSchema = /* @__PURE__ */ answerSchema(() => z.object(routingFields()), { id: 'Routing' });

/** All three fields, so that nobody changes one without having seen the others. */
export const routingBodySchema = /* @__PURE__ */ schema(() => z.strictObject(routingFields()));

export const deskSchema = /* @__PURE__ */ answerSchema(
  () => z.object({ open: schema(() => z.boolean(), { description: 'Whether any agent is available.' }) }),
  { id: 'Desk' },
);
