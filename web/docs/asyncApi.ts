/** The part of AsyncAPI 3 and JSON Schema that docs/asyncapi.json uses: tools/asyncapi.ts writes it. */

export interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | Schema;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly enum?: readonly (string | number)[];
  readonly const?: string | number | boolean;
  readonly format?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
}

interface Reference {
  readonly $ref: string;
}

export interface Message {
  readonly name: string;
  readonly summary?: string;
  readonly payload: Reference;
  readonly examples?: readonly { readonly payload: unknown }[];
}

export interface Operation {
  /** As the service sees it: it receives what clients send. */
  readonly action: 'send' | 'receive';
  readonly summary?: string;
  readonly description?: string;
  readonly messages: readonly Reference[];
  readonly reply?: { readonly messages: readonly Reference[] };
  readonly 'x-roles'?: readonly string[];
}

export interface AsyncApi {
  readonly info: { readonly title: string; readonly description: string };
  readonly channels: { readonly socket: { readonly description: string } };
  readonly operations: Readonly<Record<string, Operation>>;
  readonly components: {
    readonly messages: Readonly<Record<string, Message>>;
    readonly schemas: Readonly<Record<string, Schema>>;
  };
}

/** The last part of a reference: `Message` of `#/components/schemas/Message`. */
export const nameOf = ({ $ref }: Reference): string => $ref.slice($ref.lastIndexOf('/') + 1);

/** A schema, followed to where it is described. */
export function resolved({ components }: AsyncApi, schema: Schema): Schema {
  return schema.$ref === undefined ? schema : (components.schemas[nameOf({ $ref: schema.$ref })] ?? {});
}
