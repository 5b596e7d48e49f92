import type * as z from 'zod/mini';
import type { FieldError } from '../protocol/errors.ts';
import { AppError } from './appError.ts';

/**
 * Validates a value by a schema and answers it typed. Throws `VALIDATION_FAILED`, which names every wrong field by a
 * JSON pointer that begins with `part` (`/body`, `/query`, `/path`, or `` for a frame).
 */
export function validate<T>(schema: z.ZodMiniType<T>, value: unknown, part: string): T {
  const result = schema.safeParse(value, { reportInput: true });
  if (result.success) return result.data;
  throw new AppError('VALIDATION_FAILED', undefined, {
    errors: result.error.issues.flatMap((issue) => describe(issue, part)),
  });
}

/** Enough to correct a request by; a hostile request gets no long answer. */
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

/** zod's message where the schema has no words of its own, because no language is loaded. */
const WORDLESS = 'Invalid input';

function wording(issue: z.core.$ZodIssue): string {
  if (issue.message !== WORDLESS) return issue.message;
  switch (issue.code) {
    case 'invalid_type':
      return issue.input === undefined ? 'is required' : `must be a JSON ${issue.expected}`;
    case 'invalid_value':
      return `must be one of ${issue.values.map(String).join(', ')}`;
    case 'too_small':
      return `must be ${issue.minimum} or more`;
    case 'too_big':
      return `must be ${issue.maximum} or less`;
    default:
      return 'is not valid';
  }
}

/**
 * Writes a segment of a JSON pointer (RFC 6901 §3). Long segments are cut, so that no answer has a hostile key in full;
 * broken characters are replaced, so that the answer is UTF-8.
 */
const segmentOf = (segment: string): string =>
  segment.slice(0, 64).toWellFormed().replaceAll('~', '~0').replaceAll('/', '~1');
