/** Types of the files in this folder, which the framework loads as CommonJS. */

/** Any JSON of a template: CloudFormation has as many shapes as types of resources. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json | undefined };

/** A stage's network. */
export interface Vpc {
  readonly subnetIds: readonly string[];
  readonly securityGroupIds: readonly string[];
}

/** The functions of serverless.yml, as far as these files read them. */
export type Functions = Readonly<
  Record<string, { readonly events?: readonly Readonly<Record<string, unknown>>[] | undefined }>
>;

/** The variables that are no text. */
interface Variables {
  readonly 'self:functions': Functions;
  readonly 'self:params': Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly 'self:provider.environment': Readonly<Record<string, unknown>>;
  readonly 'param:allowedOrigins': string | readonly string[];
  readonly 'param:logRetentionInDays': number;
  readonly 'param:websocketRate': number;
  readonly 'param:websocketBurst': number;
  readonly "param:vpc, ''": string | Readonly<Record<string, unknown>>;
}

export type ResolveVariable = <A extends string>(
  address: A,
) => Promise<A extends keyof Variables ? Variables[A] : string>;

/** The framework's argument for a file that a variable names: `${file(cloud/roles.cjs)}`. */
export interface Framework {
  readonly resolveVariable: ResolveVariable;
}

/** The part of the template that a file adds, and what it changes of the framework's own resources. */
export interface Addition {
  readonly Resources?: { readonly [id: string]: Json };
  readonly Outputs?: { readonly [id: string]: Json };
  readonly extensions?: { readonly [id: string]: Json };
}

/** What a function may do beyond writing its own log. */
export interface Rights {
  /** The stage's parameters that it may read. */
  readonly secrets: readonly string[];
  /** What it may do to connections: post to them, cut them. */
  readonly sockets: readonly ('POST' | 'DELETE')[];
  /** It asks who came through the trusted proxy, whose secret it may read where there is one. */
  readonly proxy?: boolean;
  /** It calls the dispatcher. */
  readonly dispatches?: boolean;
  /** It calls the mail sender. */
  readonly mails?: boolean;
  /** It is the mail sender. */
  readonly sendsMails?: boolean;
  /** It hands on runs that failed. */
  readonly deadLetters?: boolean;
}
