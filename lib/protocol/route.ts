import * as z from 'zod/mini';
import type { Operation } from '../domain/permissions.ts';
import type { ErrorCode } from './errors.ts';
import { cursorSchema, timestampSchema } from './objects/common.ts';
import type { Repeating } from './repeating.ts';
import { schema } from './schema.ts';
import { readTime } from './time.ts';

/** The public description of an HTTP route. Requests are strict: an unknown field is an error that names the field. */
export interface Route {
  readonly operation: Operation;
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** The path, with `{name}` for parameters. */
  readonly path: string;
  readonly summary: string;
  readonly tag: 'auth' | 'users' | 'conversations' | 'desk' | 'analytics' | 'operations';
  readonly params?: z.ZodMiniType<Record<string, unknown>>;
  readonly query?: z.ZodMiniType<Record<string, unknown>>;
  readonly body?: z.ZodMiniType<Record<string, unknown>>;
  readonly status: 200 | 201 | 202 | 204;
  /** The status for a request that repeats one which was carried out before, where it is another one. */
  readonly repeatedStatus?: 200;
  /** The answer is a file: its media types. Where the answer is JSON, `response` is its schema. */
  readonly files?: readonly string[];
  /** Makes the schema of the answer's body; `null` where it has none. */
  readonly response: (() => z.ZodMiniType) | null;
  readonly repeat: Repeating;
  /** The codes with which this route may refuse, beside those of every route of its kind (see `refusals`). */
  readonly errors: readonly ErrorCode[];
}

/** API Gateway's key of the route: `POST /auth/login`. */
export const routeKeyOf = ({ method, path }: Pick<Route, 'method' | 'path'>): string => `${method} ${path}`;

/** As `schema` makes schemas. */
export const route = <const R extends Route>(make: () => R): R => make();

/** Digits only: `1e9`, `-1` and ` 5` are refused instead of guessed at. */
const whole = (digits: RegExp, error: string) =>
  z.pipe(z.string().check(z.regex(digits, { error, abort: true })), z.transform(Number));

export const limit = (most: number, byDefault: number) => {
  const error = `must be a whole number from 1 to ${most}`;
  const least = z.minimum(1, { error });
  return schema(
    () => z._default(z.pipe(whole(/^\d{1,9}$/, error), z.int().check(least, z.maximum(most, { error }))), byDefault),
    { override: { type: 'integer', minimum: 1, maximum: most, default: byDefault } },
  );
};

export const afterSeqQuery = /* @__PURE__ */ schema(
  () => {
    const number = whole(/^\d{1,16}$/, 'must be a whole number, 0 or more');
    return z._default(z.pipe(number, z.int({ error: 'must be a whole number that a double holds exactly' })), 0);
  },
  { override: { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER, default: 0 } },
);

export const flag = /* @__PURE__ */ schema(
  () =>
    z.pipe(
      z.enum(['true', 'false']),
      z.transform((value) => value === 'true'),
    ),
  { override: { type: 'boolean' } },
);

export const listQuery = () => ({ limit: limit(100, 20), cursor: z.optional(cursorSchema) });

export const listOf = <T extends z.ZodMiniType>(item: T) =>
  z.object({ items: z.array(item), nextCursor: z.nullable(z.string()) });

/** A day without a time is no RFC 3339 time, and `to` is exclusive. */
export const timeQuery = /* @__PURE__ */ schema(
  () =>
    z
      .pipe(
        timestampSchema,
        // The schema before this one has parsed it already.
        z.transform((value: string) => readTime(value) as Date),
      )
      // An offset can move the time beyond the years that RFC 3339 can write in UTC.
      .check(z.refine((date) => !/^[+-]/.test(date.toISOString()), { error: 'must be within the years 0000 to 9999' })),
  { override: { type: 'string', format: 'date-time' } },
);
