import { ConfigError } from './config.ts';
import { waitToRetry } from './retry.ts';
import { requiredVariable, signedPost } from './signedPost.ts';

/** The longest all attempts may take together. A start that takes longer had better fail and be tried again. */
const PATIENCE_MS = 3_000;
const ATTEMPTS = 3;

/**
 * The Parameter Store gave no value. `code` is AWS's reason (such as `AccessDeniedException`) or the network's (such as
 * `ECONNRESET`). The name says whether a later attempt may succeed.
 */
export class ParameterStoreError extends Error {
  override readonly name: 'ParameterStoreError' | 'ParameterStoreUnavailable';
  readonly code: string;

  constructor(code: string, isPassing: boolean) {
    super(`the Parameter Store: ${code}`);
    this.name = isPassing ? 'ParameterStoreUnavailable' : 'ParameterStoreError';
    this.code = code;
  }
}

export interface ReadOptions {
  /** Work to do while the answer is on its way. Called at every attempt, once the request is sent. */
  readonly meanwhile?: (() => void) | undefined;
  readonly patienceMs?: number | undefined;
}

/**
 * Reads SecureStrings, ten at most, from AWS Systems Manager's Parameter Store, with the function's own role. Sends one
 * signed request (https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameters.html) without the
 * SDK's client: every start waits for it, and loading the client would take longer than the read. A parameter that
 * doesn't exist is missing in the answer. Throws `ParameterStoreError`. Values are in no error and no log.
 */
export async function readParameters(
  names: readonly string[],
  { meanwhile, patienceMs = PATIENCE_MS }: ReadOptions = {},
): Promise<ReadonlyMap<string, string>> {
  const end = Date.now() + patienceMs;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await getParameters(names, AbortSignal.timeout(Math.max(1, end - Date.now())), meanwhile);
    } catch (error) {
      const mayPass = error instanceof ParameterStoreError && error.name === 'ParameterStoreUnavailable';
      if (!mayPass || !(await waitToRetry(attempt, { attempts: ATTEMPTS, end }))) throw error;
    }
  }
}

async function getParameters(
  names: readonly string[],
  signal: AbortSignal,
  meanwhile?: () => void,
): Promise<ReadonlyMap<string, string>> {
  const { status, text } = await signedPost({
    service: 'ssm',
    url: new URL(requiredVariable('AWS_ENDPOINT_URL_SSM')),
    headers: { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': 'AmazonSSM.GetParameters' },
    body: JSON.stringify({ Names: names, WithDecryption: true }),
    signal,
    meanwhile,
  }).catch((error: NodeJS.ErrnoException) => {
    throw error instanceof ConfigError ? error : new ParameterStoreError(error.code ?? error.name, true);
  });
  const { Parameters, __type } = parsed(text);
  if (status === 200 && Array.isArray(Parameters)) {
    return new Map(Parameters.map(({ Name, Value }: { Name: string; Value: string }) => [Name, Value]));
  }
  // `com.amazonaws.ssm#AccessDeniedException`, or without what stands before it.
  const code = typeof __type === 'string' ? __type.replace(/^.*#/, '') : `HTTP ${status}`;
  throw new ParameterStoreError(code, status >= 500 || status === 429 || code === 'ThrottlingException');
}

function parsed(text: string): { readonly Parameters?: unknown; readonly __type?: unknown } {
  try {
    return Object(JSON.parse(text));
  } catch {
    return {};
  }
}
