import type { ErrorCode } from './errors.ts';

/**
 * What a client does when the outcome of a command is unknown, after no answer or `UNAVAILABLE`. Every route and client event
 * declares it. `safe`: a repeated command has its effect once, and the same answer.
 */
export type Repeating =
  | 'safe'
  | {
      /** The field that makes a repetition safe, where the client sends it. */
      readonly safeWith?: string;
      /** For how long a repetition is safe, where that ends. */
      readonly safeWithin?: string;
      /** Where a repetition isn't safe: how to find out what became of the command, in one sentence. */
      readonly findOut: string;
    };

/** Returns the text of a refusal. `UNAVAILABLE` also says how to go on. `input` is the body or data that the client sent. */
export function detailOf(
  { code, message }: { readonly code: ErrorCode; readonly message: string },
  repeat: Repeating,
  input: unknown,
): string {
  return code === 'UNAVAILABLE' ? `${message} ${goOn(repeat, input)}` : message;
}

/** Says how a client goes on after `UNAVAILABLE`. */
export function goOn(repeat: Repeating, input: unknown): string {
  if (repeat === 'safe' || has(input, repeat.safeWith)) return 'It is safe to send this again.';
  const { safeWithin, findOut } = repeat;
  if (safeWithin !== undefined) return `It is safe to send this again within ${safeWithin}. Later: ${findOut}`;
  return `The outcome is unknown. ${findOut}`;
}

const has = (input: unknown, field: string | undefined): boolean =>
  field !== undefined && typeof input === 'object' && input !== null && Object.hasOwn(input, field);

/** Says the declaration in words, for the documents. */
export function repeatingInWords(repeat: Repeating): string {
  if (repeat === 'safe') return 'Safe to send again.';
  const { safeWith, safeWithin, findOut } = repeat;
  if (safeWith !== undefined) return `Safe to send again with \`${safeWith}\`. Without: ${findOut}`;
  if (safeWithin !== undefined) return `Safe to send again within ${safeWithin}. Later: ${findOut}`;
  return findOut;
}
