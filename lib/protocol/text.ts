/**
 * Rules for text. Each rule is a function, and a pattern that says the same for the documents: ECMA-262 with the flag `u`, as in
 * JSON Schema. tools/schemas.ts writes Unicode's properties out, for tools that don't know them.
 */

/** As `schema` makes schemas: a bundle drops what it has no use for. */
const pattern = <P extends string | RegExp>(make: () => P): P => make();

/** Invisible characters: white space, those that renderers ignore by Unicode, and Braille's blank. */
const UNSEEN = '\\p{White_Space}\\p{Default_Ignorable_Code_Point}\\u2800';

/** Characters that break a line, control a terminal, or change the direction of text, embeddings and isolates included. */
const UNRULY = '\\p{Cc}\\u2028\\u2029\\u202a-\\u202e\\u2066-\\u2069';

export const NO_NUL = '^[^\\u0000]*$';
export const SOMETHING_TO_SEE = /* @__PURE__ */ pattern(() => `^[^\\u0000]*[^\\u0000${UNSEEN}][^\\u0000]*$`);
export const ONE_LINE = /* @__PURE__ */ pattern(() => `^[^${UNRULY}]*[^${UNRULY}${UNSEEN}][^${UNRULY}]*$`);

const seen = /* @__PURE__ */ pattern(() => new RegExp(`[^${UNSEEN}]`, 'u'));
const unruly = /* @__PURE__ */ pattern(() => new RegExp(`[${UNRULY}]`, 'u'));

/** Whether the text has a visible character. */
export const hasSomethingToSee = (value: string): boolean => seen.test(value);

/** Whether the text stays in its line, and leaves the text beside it as it is. */
export const isOneLine = (value: string): boolean => !unruly.test(value);

/**
 * An e-mail address that both RFC 5321 and `<input type=email>` accept: a dot-string of at most 64 octets, and a domain whose
 * labels have at most 63 letters, digits and hyphens, neither first nor last a hyphen. No quoted strings, no addresses in
 * brackets, and nothing beyond ASCII, which browsers send as `xn--…`.
 * https://www.rfc-editor.org/rfc/rfc5321#section-4.1.2, https://html.spec.whatwg.org/multipage/input.html#email-state-(type=email)
 */
export const EMAIL =
  /^(?=[^@]{1,64}@)[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*@[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$/;
export const EMAIL_PATTERN = /* @__PURE__ */ pattern(() => EMAIL.source);
