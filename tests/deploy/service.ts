import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { parse } from 'yaml';
import { PROJECT } from '../support/process.ts';

/** serverless.yml and what it takes from cloud/, as far as the proofs look at it. */
interface Service {
  readonly provider: {
    readonly environment: Readonly<Record<string, unknown>>;
    readonly websocketsDescription?: string;
    readonly logs: { readonly httpApi: { readonly format: string } };
  };
  readonly params: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly custom: { readonly esbuild: Readonly<Record<string, unknown>> };
  readonly functions: Readonly<Record<string, DeclaredFunction>>;
}

export interface DeclaredFunction {
  /** As Lambda is told: `functions/auth.handler`. */
  readonly handler: string;
  readonly role: string;
  readonly events?: readonly Readonly<Record<string, unknown>>[];
}

// CloudFormation's own tags (`!Ref`, `!Sub`) are unknown to the parser, and not worth a warning here.
export const service = parse(readFileSync(`${PROJECT}/serverless.yml`, 'utf8'), { logLevel: 'error' }) as Service;

export interface Rights {
  readonly secrets: readonly string[];
  readonly sockets: readonly string[];
  readonly proxy?: boolean;
  readonly dispatches?: boolean;
  readonly mails?: boolean;
  readonly sendsMails?: boolean;
  readonly deadLetters?: boolean;
}

const load = createRequire(import.meta.url);

export const rights = load('../../cloud/rights.cjs') as Readonly<Record<string, Rights>>;

export interface Resource {
  readonly Type: string;
  // biome-ignore lint/suspicious/noExplicitAny: as many shapes as there are types of resources.
  readonly Properties: any;
  readonly DeletionPolicy?: string;
  readonly DependsOn?: string | readonly string[];
}

/** What a file of cloud/ adds to the template of this stage, other variables being empty. */
export async function resourcesOf(file: string, stage = 'prod'): Promise<Readonly<Record<string, Resource>>> {
  return (await templateOf(file, { 'sls:stage': stage })).Resources ?? {};
}

/** The same, and what it changes of the framework's own resources; `given` are variables with their values. */
export async function templateOf(
  file: string,
  given: Readonly<Record<string, unknown>> = {},
): Promise<{
  readonly Resources?: Readonly<Record<string, Resource>>;
  readonly extensions?: Readonly<Record<string, Pick<Resource, 'Properties'>>>;
}> {
  const known: Readonly<Record<string, unknown>> = {
    'self:service': 'live-support',
    'self:functions': service.functions,
    'sls:stage': 'prod',
    ...given,
  };
  const make = load(`../../cloud/${file}`);
  // `param:alarmEmail, ''`: what stands after the comma is for where there is none.
  return make({ resolveVariable: async (name: string) => known[name.split(',')[0] ?? ''] ?? '' });
}
