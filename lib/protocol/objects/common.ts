import * as z from 'zod/mini';
import { schema, text } from '../schema.ts';
import { readTime } from '../time.ts';

export const idSchema = /* @__PURE__ */ schema(
  () => z.string().check(z.regex(/^[A-Za-z0-9_-]{1,64}$/, { error: 'is not an id' })),
  { id: 'Id', description: 'An opaque id.', examples: ['5f1c2a52-93a4-4b83-8c0e-0a3c4c0b7d11'] },
);

export const timestampSchema = /* @__PURE__ */ schema(
  () => z.string().check(z.refine((value) => readTime(value) !== null, { error: 'must be an RFC 3339 time' })),
  {
    description: 'RFC 3339; answers are in UTC with milliseconds.',
    format: 'date-time',
    examples: ['2026-01-31T09:30:00.000Z'],
  },
);

export const requestIdSchema = /* @__PURE__ */ text(1, 64);

export const seqSchema = /* @__PURE__ */ schema(() => z.int().check(z.minimum(0)));

export const cursorSchema = /* @__PURE__ */ schema(
  () => z.string().check(z.maxLength(512, { error: 'is not a cursor of ours' })),
  { description: 'The `nextCursor` of the page before.' },
);
