import { Hash } from '@smithy/core/serde';
import { SignatureV4 } from '@smithy/signature-v4';
import { ConfigError } from './config.ts';

/** All attempts together; a start that takes longer is better given up and tried again. */
const PATIENCE_MS = 3_000;
const ATTEMPTS = 3;

/**
 * No value. `code` says why in AWS's words, `AccessDeniedException` say, or the network's, `ECONNRESET`; the name, whether
 * it may well work later.
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

/**
 * Reads a SecureString from AWS Systems Manager's Parameter Store, as the function's own role. One signed request
 * (https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameter.html): every start waits for it,
 * and loading the SDK's client would take longer than the read. Throws `ParameterStoreError`; the value is in no error
 * and no log.
 */
export async function readParameter(name: string, patienceMs = PATIENCE_MS): Promise<string> {
  const end = Date.now() + patienceMs;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await getParameter(name, AbortSignal.timeout(Math.max(1, end - Date.now())));
    } catch (error) {
      if (!(error instanceof ParameterStoreError)) throw error;
      // Full jitter: a deploy starts many instances at once.
      const wait = Math.random() * 100 * 2 ** attempt;
      const isOver = attempt === ATTEMPTS || Date.now() + wait >= end;
      if (isOver || error.name === 'ParameterStoreError') throw error;
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
  }
}

async function getParameter(name: string, signal: AbortSignal): Promise<string> {
  const endpoint = new URL(given('AWS_ENDPOINT_URL_SSM'));
  const body = JSON.stringify({ Name: name, WithDecryption: true });
  const { headers } = await signer().sign({
    method: 'POST',
    protocol: endpoint.protocol,
    hostname: endpoint.hostname,
    path: endpoint.pathname,
    query: {},
    headers: {
      host: endpoint.host,
      'content-type': 'application/x-amz-json-1.1',
      'x-amz-target': 'AmazonSSM.GetParameter',
    },
    body,
  });
  const { status, text } = await post(endpoint, headers, body, signal);
  const { Parameter, __type } = parsed(text);
  if (status === 200 && typeof Parameter?.Value === 'string') return Parameter.Value;
  // `com.amazonaws.ssm#AccessDeniedException`, or without what stands before it.
  const code = typeof __type === 'string' ? __type.replace(/^.*#/, '') : `HTTP ${status}`;
  throw new ParameterStoreError(code, status >= 500 || status === 429 || code === 'ThrottlingException');
}

function signer(): SignatureV4 {
  return new SignatureV4({
    service: 'ssm',
    region: given('AWS_REGION'),
    sha256: Hash.bind(null, 'sha256'),
    credentials: {
      accessKeyId: given('AWS_ACCESS_KEY_ID'),
      secretAccessKey: given('AWS_SECRET_ACCESS_KEY'),
      sessionToken: given('AWS_SESSION_TOKEN'),
    },
  });
}

/** Lambda gives the role's credentials in the environment, and the deployment the endpoint. */
function given(variable: string): string {
  const value = process.env[variable];
  if (!value) throw new ConfigError(`Configuration: ${variable} is missing`);
  return value;
}

async function post(
  endpoint: URL,
  headers: Readonly<Record<string, string>>,
  body: string,
  signal: AbortSignal,
): Promise<{ readonly status: number; readonly text: string }> {
  // Loaded when it comes to that: on a laptop, and where there are no secrets, it never does.
  const { request } = endpoint.protocol === 'https:' ? await import('node:https') : await import('node:http');
  return new Promise((resolve, reject) => {
    const fail = ({ code, name }: NodeJS.ErrnoException) =>
      reject(new ParameterStoreError(signal.aborted ? 'TimeoutError' : (code ?? name), true));
    // No agent: asked once in five minutes, a connection kept open would only be found closed.
    const sent = request(endpoint, { method: 'POST', headers, agent: false, signal }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('error', fail);
      response.on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
    });
    sent.on('error', fail).end(body);
  });
}

function parsed(text: string): { Parameter?: { Value?: unknown }; __type?: unknown } {
  try {
    return Object(JSON.parse(text));
  } catch {
    return {};
  }
}
