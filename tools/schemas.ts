import * as z from 'zod/mini';

/** A JSON value that is a schema, or any other object of a document. */
export type Json = { [key: string]: unknown };

export interface Converter {
  /** The JSON schema of what a client may send. */
  input(schema: z.ZodMiniType): Json;
  /** The JSON schema of what the server sends: open, since responses may gain fields. */
  output(schema: z.ZodMiniType): Json;
  /** A reference to the schema by its name; a schema without a name gets this one. */
  named(name: string, schema: Json): Json;
  /** Every named schema met so far, sorted by name. */
  components(): Json;
}

/** The kinds of JSON schema that the documents need. */
type Target = 'draft-2020-12' | 'draft-07' | 'openapi-3.0';

/**
 * Makes a converter from zod schemas to JSON schemas. Schemas with a `meta` id become components, and are referred to.
 */
export function converter(target: Target): Converter {
  const named = new Map<string, unknown>();
  const definitions = target === 'draft-2020-12' ? '$defs' : 'definitions';

  function convert(schema: z.ZodMiniType, io: 'input' | 'output'): Json {
    const generated = z.toJSONSchema(schema, { target, io, override: ({ jsonSchema }) => tidy(jsonSchema, io) });
    const relocated = JSON.stringify(generated).replaceAll(`"#/${definitions}/`, '"#/components/schemas/');
    const older = target === 'openapi-3.0' ? inOpenapi30 : undefined;
    const { $schema: _, [definitions]: found = {}, ...rest } = JSON.parse(relocated, older) as Json;
    for (const [name, definition] of Object.entries(found as Json)) remember(name, definition);
    return rest;
  }

  function remember(name: string, definition: unknown): void {
    const known = named.get(name);
    if (known !== undefined && JSON.stringify(known) !== JSON.stringify(definition)) {
      throw new Error(`Two schemas share the id ${name}`);
    }
    named.set(name, definition);
  }

  return {
    input: (schema) => convert(schema, 'input'),
    output: (schema) => convert(schema, 'output'),
    named: (name, schema) => {
      if ('$ref' in schema) return schema;
      remember(name, schema);
      return { $ref: `#/components/schemas/${name}` };
    },
    components: () => Object.fromEntries([...named].sort(([a], [b]) => (a < b ? -1 : 1))),
  };
}

const KEPT_BY_OVERRIDE = new Set(['description', 'examples']);

function tidy(schema: Json, io: 'input' | 'output'): void {
  const wireForm = schema['override'];
  if (wireForm !== undefined) {
    for (const key of Object.keys(schema)) if (!KEPT_BY_OVERRIDE.has(key)) delete schema[key];
    Object.assign(schema, wireForm);
  }
  if (typeof schema['pattern'] === 'string') schema['pattern'] = spelledOut(schema['pattern']);
  if (io === 'input') return;
  if (schema['additionalProperties'] === false) delete schema['additionalProperties'];
  if (schema['minimum'] === Number.MIN_SAFE_INTEGER) delete schema['minimum'];
  if (schema['maximum'] === Number.MAX_SAFE_INTEGER) delete schema['maximum'];
  // Numbers that are not whole are doubles, which generators don't guess.
  if (schema['type'] === 'number') schema['format'] = 'double';
}

/** Translates a key and value of a schema into OpenAPI 3.0, which is older than these keywords. */
function inOpenapi30(key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || key === 'properties') return value;
  const { const: only, examples, propertyNames: _, if: _if, then: _then, else: _else, ...rest } = value as Json;
  return {
    ...rest,
    ...(only !== undefined && { enum: [only] }),
    ...(Array.isArray(examples) && { example: examples[0] }),
  };
}

/**
 * Replaces Unicode's properties and escapes in a pattern by the characters they stand for, because the regular expressions of
 * languages know different ones. Characters beyond U+FFFF are left out: OpenAPI 3.0 has JavaScript's old expressions, which
 * can't write their ranges. There the document accepts a little more than the service.
 */
function spelledOut(pattern: string): string {
  return pattern
    .replaceAll(/\\u([0-9a-f]{4})/g, (_all, hex: string) => String.fromCodePoint(Number.parseInt(hex, 16)))
    .replaceAll(/\\p\{(\w+)\}/g, (_all, property: string) => rangesOf(property));
}

const known = new Map<string, string>();

function rangesOf(property: string): string {
  const ranges = known.get(property) ?? findRanges(new RegExp(`\\p{${property}}`, 'u'));
  known.set(property, ranges);
  return ranges;
}

const LAST_POINT = 0xffff;

function findRanges(has: RegExp): string {
  let ranges = '';
  let first: number | undefined;
  for (let point = 0; point <= LAST_POINT + 1; point += 1) {
    const isIn = point <= LAST_POINT && has.test(String.fromCodePoint(point));
    if (isIn) first ??= point;
    else if (first !== undefined) {
      ranges += String.fromCodePoint(first);
      if (point - 1 > first) ranges += `-${String.fromCodePoint(point - 1)}`;
      first = undefined;
    }
  }
  return ranges;
}
