import * as z from 'zod/mini';
import { ERROR_CODES } from '../errors.ts';
import { answerSchema } from '../schema.ts';

export const fieldErrorSchema = /* @__PURE__ */ answerSchema(
  () => z.object({ pointer: z.string(), detail: z.string() }),
  {
    id: 'FieldError',
  },
);

/** RFC 9457, `application/problem+json`. */
export const problemSchema = /* @__PURE__ */ answerSchema(
  () =>
    z.object({
      type: z.string(),
      title: z.string(),
      status: z.int(),
      detail: z.string(),
      code: z.enum(ERROR_CODES),
      requestId: z.string(),
      errors: z.optional(z.array(fieldErrorSchema())),
    }),
  { id: 'Problem' },
);
export type Problem = z.infer<ReturnType<typeof problemSchema>>;
