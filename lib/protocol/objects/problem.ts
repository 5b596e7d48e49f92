import * as z from 'zod/mini';
import { ERROR_CODES } from '../errors.ts';
import { answerSchema, schema } from '../schema.ts';

export const fieldErrorSchema = /* @__PURE__ */ answerSchema(
  () => z.object({ pointer: z.string(), detail: z.string() }),
  {
    id: 'FieldError',
  },
);

const errorCodeSchema = /* @__PURE__ */ schema(() => z.enum(ERROR_CODES), {
  id: 'ErrorCode',
  description: 'There will be more: treat one that you do not know by its status.',
});

/** RFC 9457, `application/problem+json`. */
export const problemSchema = /* @__PURE__ */ answerSchema(
  () =>
    z.object({
      type: z.string(),
      title: z.string(),
      status: z.int(),
      detail: z.string(),
      code: errorCodeSchema,
      requestId: z.string(),
      errors: z.optional(z.array(fieldErrorSchema())),
    }),
  { id: 'Problem' },
);
export type Problem = z.infer<ReturnType<typeof problemSchema>>;
