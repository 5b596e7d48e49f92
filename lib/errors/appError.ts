import { DEFAULT_DETAIL, type ErrorCode, type FieldError } from '../protocol/errors.ts';

/**
 * A refusal from the catalogue. Services throw it; one translator per transport turns it into a problem document or
 * an `ERROR` frame. Anything else that is thrown becomes `INTERNAL`, or `UNAVAILABLE` for a database out of reach.
 */
export class AppError extends Error {
  override readonly name = 'AppError';
  readonly code: ErrorCode;
  readonly errors: readonly FieldError[] | undefined;
  /** Seconds until it is worth trying again, for `RATE_LIMITED` and `UNAVAILABLE`. */
  readonly retryAfter: number | undefined;

  constructor(
    code: ErrorCode,
    detail?: string,
    options: { errors?: readonly FieldError[]; retryAfter?: number; cause?: unknown } = {},
  ) {
    super(detail ?? DEFAULT_DETAIL[code], options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.errors = options.errors;
    this.retryAfter = options.retryAfter;
  }
}

/**
 * Seconds to wait before trying again: of those codes that are answered with `Retry-After` over HTTP, on either
 * transport; `undefined` for all others.
 */
export function retryAfterOf({ code, retryAfter = 1 }: AppError): number | undefined {
  return code === 'RATE_LIMITED' || code === 'UNAVAILABLE' ? retryAfter : undefined;
}

/** A `VALIDATION_FAILED` for one field. */
export const invalid = (pointer: string, detail: string): AppError =>
  new AppError('VALIDATION_FAILED', undefined, { errors: [{ pointer, detail }] });
