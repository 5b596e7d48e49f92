import type { ErrorCode } from './errors.ts';

/**
 * What a client does when the outcome of a command is unknown: nobody answered, or `UNAVAILABLE` did. Every route and
 * client event declares it. `safe`: sent again, its effect is there once, and the answer is the same.
 */
export type Repeating =
  | 'safe'
  | {
      /** The field that makes it safe, where the client sends it. */
      readonly safeWith?: string;
      /** For how long it is safe, where that ends. */
      readonly safeWithin?: string;
      /** How to find out what became of it, where it isn't safe: one sentence. */
      readonly findOut: string;
    };

/** The text of a refusal of an operation. `UNAVAILABLE` also says how to go on. `input` is what the client sent along. */
export function detailOf(
  { code, message }: { readonly code: ErrorCode; readonly message: string },
  repeat: Repeating,
  input: unknown,
): string {
  return code === 'UNAVAILABLE' ? `${message} ${goOn(repeat, input)}` : message;
}

/** How a client goes on whose command was answered `UNAVAILABLE`. */
export function goOn(repeat: Repeating, input: unknown): string {
  if (repeat === 'safe' || has(input, repeat.safeWith)) return 'It is safe to send this again.';
  const { safeWithin, findOut } = repeat;
  if (safeWithin !== undefined) return `It is safe to send this again within ${safeWithin}. Later: ${findOut}`;
  return `The outcome is unknown. ${findOut}`;
}

const has = (input: unknown, field: string | undefined): boolean =>
  field !== undefined && typeof input === 'object' && input !== null && Object.hasOwn(input, field);

/** The declaration in words, for the documents. */
export function repeatingInWords(repeat: Repeating): string {
  if (repeat === 'safe') return 'Safe to send again.';
  const { safeWith, safeWithin, findOut } = repeat;
  if (safeWith !== undefined) return `Safe to send again with \`${safeWith}\`. Without: ${findOut}`;
  if (safeWithin !== undefined) return `Safe to send again within ${safeWithin}. Later: ${findOut}`;
  return findOut;
}
