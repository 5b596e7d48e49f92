import * as z from 'zod/mini';
import { hasSomethingToSee, isOneLine, NO_NUL, ONE_LINE, SOMETHING_TO_SEE } from './text.ts';

/**
 * Makes a schema, and notes its name and description for the documents. Every definition of the protocol is a call marked
 * `@__PURE__` with a function that makes the schema: a Lambda's bundle drops unused calls, and makes a few schemas, not a
 * hundred.
 */
export function schema<S extends z.ZodMiniType>(make: () => S, about: z.core.GlobalMeta = {}): S {
  const made = make();
  z.globalRegistry.add(made, { ...z.globalRegistry.get(made), ...about });
  return made;
}

/**
 * Makes a schema of data that the server sends, on first use: documents and tests validate answers by these, a Lambda never
 * does.
 */
export function answerSchema<S extends z.ZodMiniType>(make: () => S, about: z.core.GlobalMeta): () => S {
  let made: S | undefined;
  return () => {
    made ??= schema(make, about);
    return made;
  };
}

/**
 * A string of `min` to `max` characters, a character being a Unicode code point as JSON Schema counts them
 * (so an emoji is one), well-formed (no lone surrogates, which UTF-8 cannot carry) and free of U+0000.
 */
export const text = (min: number, max: number) =>
  schema(
    () =>
      z.string().check(
        z.refine((value) => value.isWellFormed(), { error: 'must be well-formed Unicode', abort: true }),
        z.refine((value) => !value.includes('\u0000'), { error: 'must not contain U+0000', abort: true }),
        z.refine((value) => inRange(value, min, max), { error: `must have ${min} to ${max} characters` }),
      ),
    { minLength: min, maxLength: max, pattern: NO_NUL },
  );

function inRange(value: string, min: number, max: number): boolean {
  // A string of more than 2 × max units is too long in any way of counting: don't count.
  if (value.length > 2 * max) return false;
  const length = [...value].length;
  return length >= min && length <= max;
}

/** A `text` with something visible in it. */
export const nonBlank = (min: number, max: number) =>
  schema(() => text(min, max).check(z.refine(hasSomethingToSee, { error: 'must not be blank', abort: true })), {
    pattern: SOMETHING_TO_SEE,
  });

/** A short name that is typed: small letters, digits, `_` and `-`. */
export const slug = () =>
  z.string().check(
    z.regex(/^[a-z0-9][a-z0-9_-]{0,31}$/, {
      error: 'must be 1 to 32 small letters, digits, _ and -, and begin with a letter or a digit',
    }),
  );

/** A `nonBlank` that is shown in a line with other text, and must not break that line or change its direction. */
export const oneLine = (min: number, max: number) =>
  schema(
    () =>
      nonBlank(min, max).check(
        z.refine(isOneLine, {
          error: 'must not contain line breaks, control characters or bidirectional overrides',
        }),
      ),
    {
      description:
        'One line with something to see in it: no line breaks, control characters or bidirectional overrides.',
      pattern: ONE_LINE,
    },
  );
