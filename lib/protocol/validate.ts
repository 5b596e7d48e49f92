import type * as z from 'zod';
import { AppError, type FieldError } from './errors.ts';

/**
 * Holds a value against a schema. Throws `VALIDATION_FAILED` naming every field at fault, each by a JSON pointer that
 * begins with `part` (`/body`, `/query`, `/path`, or `` for a frame).
 */
export function validate<T>(schema: z.ZodType<T>, value: unknown, part: string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new AppError('VALIDATION_FAILED', undefined, {
    errors: result.error.issues.flatMap((issue) => describe(issue, part)),
  });
}

/** Enough to mend a request by; a hostile one gets no essay. */
const MOST_KEYS = 10;

function describe(issue: z.core.$ZodIssue, part: string): FieldError[] {
  const at = part + issue.path.map((segment) => `/${segmentOf(String(segment))}`).join('');
  if (issue.code === 'unrecognized_keys') {
    return issue.keys
      .slice(0, MOST_KEYS)
      .map((key) => ({ pointer: `${at}/${segmentOf(key)}`, detail: 'is not a known field' }));
  }
  return [{ pointer: at, detail: wording(issue) }];
}

/** Ours, where the schema has none of its own. */
function wording(issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_type') {
    return issue.message.endsWith('received undefined') ? 'is required' : `must be a JSON ${issue.expected}`;
  }
  if (issue.code === 'invalid_value') return `must be one of ${issue.values.map(String).join(', ')}`;
  if (issue.code === 'too_small' && issue.origin !== 'string') return `must be ${issue.minimum} or more`;
  if (issue.code === 'too_big' && issue.origin !== 'string') return `must be ${issue.maximum} or less`;
  return issue.message;
}

/** RFC 6901 §3; cut, so that an answer never carries a hostile key in full, and well-formed, so that it is UTF-8. */
const segmentOf = (segment: string): string =>
  segment.slice(0, 64).toWellFormed().replaceAll('~', '~0').replaceAll('/', '~1');
