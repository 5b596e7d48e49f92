import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { unzip } from '../support/zip.ts';
import type { Inventory, Statement } from './emulatedAws.ts';
import type { Resource } from './service.ts';

/** A function as Lambda has it. */
export interface DeployedFunction {
  /** As in serverless.yml. */
  readonly name: string;
  readonly functionName: string;
  readonly handler: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly memorySize: number;
  readonly timeoutSeconds: number;
  readonly statements: readonly Statement[];
  /** Where its package is unzipped; nothing else is there, nor in any folder above. */
  readonly folder: string;
}

export interface Deployed {
  readonly functions: readonly DeployedFunction[];
}

/** From what an account holds, and its packages in this folder. */
export async function fromInventory(inventory: Inventory, folder: string, prefix: string): Promise<Deployed> {
  const functions = inventory.functions.map(async (one): Promise<DeployedFunction> => {
    const name = one.FunctionName.slice(prefix.length + 1);
    const role = inventory.roles.find(({ Arn }) => Arn === one.Role);
    return {
      name,
      functionName: one.FunctionName,
      handler: one.Handler,
      environment: one.Environment.Variables,
      memorySize: one.MemorySize,
      timeoutSeconds: one.Timeout,
      statements: role?.Statements ?? [],
      folder: await unpack(join(folder, `${one.FunctionName}.zip`), join(folder, 'code', name)),
    };
  });
  return { functions: await Promise.all(functions) };
}

/** From what `serverless package` left in this folder. */
export async function fromPackage(folder: string): Promise<Deployed> {
  const template = JSON.parse(await readFile(join(folder, 'cloudformation-template-update-stack.json'), 'utf8')) as {
    Resources: Readonly<Record<string, Resource>>;
  };
  const functions = Object.values(template.Resources)
    .filter(({ Type }) => Type === 'AWS::Lambda::Function')
    .map(async ({ Properties: given }): Promise<DeployedFunction> => {
      const [roleId] = given.Role['Fn::GetAtt'] as [string];
      const { Policies } = resolve(template.Resources[roleId]?.Properties) as {
        Policies: { PolicyDocument: { Statement: Statement[] } }[];
      };
      const zip = String(given.Code.S3Key).split('/').at(-1) ?? '';
      const name = zip.replace(/\.zip$/, '');
      return {
        name,
        functionName: given.FunctionName,
        handler: given.Handler,
        environment: resolve(given.Environment.Variables) as Record<string, string>,
        memorySize: given.MemorySize,
        timeoutSeconds: given.Timeout,
        statements: Policies.flatMap(({ PolicyDocument }) => PolicyDocument.Statement),
        folder: await unpack(join(folder, zip), join(folder, 'code', name)),
      };
    });
  return { functions: await Promise.all(functions) };
}

async function unpack(zip: string, into: string): Promise<string> {
  for (const [path, content] of unzip(await readFile(zip))) {
    await mkdir(dirname(join(into, path)), { recursive: true });
    await writeFile(join(into, path), content);
  }
  return into;
}

const PSEUDO: Readonly<Record<string, string>> = {
  'AWS::Partition': 'aws',
  'AWS::Region': 'eu-central-1',
  'AWS::AccountId': '123456789012',
  'AWS::URLSuffix': 'amazonaws.com',
};

/** A value with CloudFormation's functions worked out; a resource is known by its name in the template. */
export function resolve(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(resolve);
  if (typeof value !== 'object' || value === null) return value;
  const [[name, argument] = []] = Object.entries(value);
  switch (name) {
    case 'Ref':
      return PSEUDO[argument] ?? argument;
    case 'Fn::GetAtt':
      return `arn:${argument.join('.')}`;
    case 'Fn::Sub':
      return String(argument).replaceAll(/\$\{([\w:]+)\}/g, (_all, id: string) => PSEUDO[id] ?? id);
    case 'Fn::Join':
      return (resolve(argument[1]) as string[]).join(argument[0]);
    default:
      return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, resolve(one)]));
  }
}
