import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from '../../local/ports.ts';
import { PROJECT, Running } from '../support/process.ts';
import { NO_ACCOUNT } from './packaging.ts';
import type { Resource } from './service.ts';
import { pythonTools } from './tools.ts';

export interface Statement {
  readonly Sid?: string;
  readonly Effect: string;
  readonly Action: string | readonly string[];
  readonly Resource: string | readonly string[];
  readonly Condition?: unknown;
}

/** Everything there is in an account; see emulated/inventory.py. */
export interface Inventory {
  readonly functions: readonly {
    readonly FunctionName: string;
    readonly FunctionArn: string;
    readonly Runtime: string;
    readonly Role: string;
    readonly Handler: string;
    readonly MemorySize: number;
    readonly Timeout: number;
    readonly CodeSha256: string;
    readonly Environment: { readonly Variables: Readonly<Record<string, string>> };
    readonly Callers: readonly {
      readonly Service: string;
      readonly ArnLike?: { readonly 'AWS:SourceArn': string };
    }[];
  }[];
  readonly roles: readonly {
    readonly Arn: string;
    /** What it can't be given more than. */
    readonly Boundary?: string;
    readonly Statements: readonly Statement[];
    readonly Attached: readonly string[];
  }[];
  readonly apis: readonly {
    readonly ApiId: string;
    readonly Name: string;
    readonly ProtocolType: 'HTTP' | 'WEBSOCKET';
    readonly RouteSelectionExpression: string;
    /** To what of Lambda's each leads. */
    readonly Routes: Readonly<Record<string, string>>;
    readonly Stages: readonly Readonly<Record<string, unknown>>[];
  }[];
  readonly rules: readonly {
    readonly ScheduleExpression: string;
    readonly State: string;
    readonly Targets: readonly { readonly Arn: string }[];
  }[];
  readonly alarms: readonly { readonly AlarmName: string; readonly AlarmActions: readonly string[] }[];
  readonly dashboards: readonly string[];
  readonly logGroups: readonly { readonly logGroupName: string; readonly retentionInDays?: number }[];
  readonly topics: readonly string[];
  readonly queues: readonly string[];
  readonly buckets: Readonly<Record<string, readonly string[]>>;
  /** Resources, by stack, as the template has them. */
  readonly stacks: Readonly<Record<string, Readonly<Record<string, Resource>>>>;
  readonly gatewayLogRole?: string;
}

const REGION = 'eu-central-1';

/** An AWS account of our own, in a process of this machine. */
export class EmulatedAws {
  readonly #server: Running;
  readonly #bin: string;
  readonly #endpoint: string;
  readonly #folder = join(PROJECT, 'tests', 'deploy');

  private constructor(bin: string, port: number) {
    this.#bin = bin;
    this.#endpoint = `http://127.0.0.1:${port}`;
    const command = [join(bin, 'python'), '-B', '-m', 'emulated.server', String(port)];
    this.#server = new Running(command, NO_ACCOUNT, this.#folder);
  }

  static async start(): Promise<EmulatedAws> {
    const aws = new EmulatedAws(await pythonTools('emulatedAws'), await freePort());
    await aws.#server.printed(/Running on /);
    return aws;
  }

  /** What makes a program take it for AWS. */
  get environment(): Readonly<Record<string, string>> {
    return { ...NO_ACCOUNT, AWS_REGION: REGION, AWS_ENDPOINT_URL: this.#endpoint };
  }

  /** What there is; with a folder, the functions' packages are put there, as NAME.zip. */
  async inventory(packages?: string): Promise<Inventory> {
    const script = join(this.#folder, 'emulated', 'inventory.py');
    const args = ['-B', script, this.#endpoint, REGION, ...(packages === undefined ? [] : [packages])];
    const { stdout } = await promisify(execFile)(join(this.#bin, 'python'), args, { maxBuffer: 256 * 1024 * 1024 });
    return JSON.parse(stdout) as Inventory;
  }

  /** What of CloudFormation it passed over. */
  get passedOver(): string[] {
    const types = [...this.#server.output.matchAll(/No Moto CloudFormation support for (\S+)/g)];
    return [...new Set(types.map((match) => match[1] ?? ''))];
  }

  async stop(): Promise<void> {
    await this.#server.interrupt();
  }
}
