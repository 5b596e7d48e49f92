/** Fills in a canned reply: `{{customer.name}}`. A name that isn't known stays as it is, for the agent to see. */
export const fill = (template: string, values: Readonly<Record<string, string | null | undefined>>): string =>
  template.replaceAll(/\{\{\s*([a-z.]+)\s*\}\}/gi, (placeholder, name: string) =>
    Object.hasOwn(values, name.toLowerCase()) ? (values[name.toLowerCase()] ?? placeholder) : placeholder,
  );

/** A name or a subject within a sentence: where it is written from right to left, the words round it keep their places. */
export const isolate = (text: string): string =>
  /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/.test(text) ? `\u2068${text}\u2069` : text;
