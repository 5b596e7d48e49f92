import { DEFAULT_DETAIL, type ErrorCode, type FieldError } from '../protocol/errors.ts';

/**
 * A refusal from the catalogue. Services throw it, and each transport translates it, into a problem document or an
 * `ERROR` frame. Any other error becomes `UNAVAILABLE`, if the database is out of reach, or `INTERNAL`.
 */
export class AppError extends Error {
  override readonly name = 'AppError';
  readonly code: ErrorCode;
  readonly errors: readonly FieldError[] | undefined;
  /** Seconds until another try makes sense, for `RATE_LIMITED` and `UNAVAILABLE`. */
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
 * Returns how many seconds a client should wait before another try, on either transport. `undefined` for codes that
 * have no `Retry-After` over HTTP.
 */
export function retryAfterOf({ code, retryAfter = 1 }: AppError): number | undefined {
  return code === 'RATE_LIMITED' || code === 'UNAVAILABLE' ? retryAfter : undefined;
}

/** Makes a `VALIDATION_FAILED` about one field. */
export const invalid = (pointer: string, detail: string): AppError =>
  new AppError('VALIDATION_FAILED', undefined, { errors: [{ pointer, detail }] });
