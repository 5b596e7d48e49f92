/** Fills in a canned reply: `{{customer.name}}`. A name that isn't known stays as it is, for the agent to see. */
export const fill = (template: string, values: Readonly<Record<string, string | null | undefined>>): string =>
  template.replaceAll(/\{\{\s*([a-z.]+)\s*\}\}/gi, (placeholder, name: string) =>
    Object.hasOwn(values, name.toLowerCase()) ? (values[name.toLowerCase()] ?? placeholder) : placeholder,
  );
