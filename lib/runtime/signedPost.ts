import { Hash } from '@smithy/core/serde';
import { SignatureV4 } from '@smithy/signature-v4';
import { ConfigError } from './config.ts';

/** A request to one of AWS's services. */
export interface SignedPost {
  /** As it is signed for: `ssm`, `lambda`, `ses`. */
  readonly service: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly signal: AbortSignal;
  /** Work to do while the answer is on its way. Called once the request is sent. */
  readonly meanwhile?: (() => void) | undefined;
}

/** What AWS answered. */
export interface Answered {
  readonly status: number;
  readonly text: string;
  /** The name of the error, where the service puts it into a header: SES does. */
  readonly errorType: string | undefined;
}

/**
 * Posts a request, signed with the function's own role, without the SDK's client: loading that would take longer than the
 * request. Rejects with the network's error, whose `code` says why, or a `TimeoutError`.
 */
export async function signedPost({ service, url, headers, body, signal, meanwhile }: SignedPost): Promise<Answered> {
  const signed = await signer(service).sign({
    method: 'POST',
    protocol: url.protocol,
    hostname: url.hostname,
    path: url.pathname,
    query: {},
    headers: { host: url.host, ...headers },
    body,
  });
  // Loaded only when needed: never on a laptop without functions to call, nor in a function without secrets.
  const { request } = url.protocol === 'https:' ? await import('node:https') : await import('node:http');
  return new Promise((resolve, reject) => {
    const fail = ({ code, name }: NodeJS.ErrnoException) =>
      reject(
        Object.assign(new Error(`no answer from ${service}`), {
          code: signal.aborted ? 'TimeoutError' : (code ?? name),
        }),
      );
    // No agent: between two requests lie minutes, after which a kept connection would be closed.
    const sent = request(url, { method: 'POST', headers: signed.headers, agent: false, signal }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('error', fail);
      response.on('data', (chunk: string) => {
        text += chunk;
      });
      const [errorType] = [response.headers['x-amzn-errortype']].flat();
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text, errorType }));
    });
    sent.on('error', fail);
    if (meanwhile) sent.on('finish', () => setImmediate(meanwhile));
    sent.end(body);
  });
}

function signer(service: string): SignatureV4 {
  return new SignatureV4({
    service,
    region: requiredVariable('AWS_REGION'),
    sha256: Hash.bind(null, 'sha256'),
    credentials: {
      accessKeyId: requiredVariable('AWS_ACCESS_KEY_ID'),
      secretAccessKey: requiredVariable('AWS_SECRET_ACCESS_KEY'),
      sessionToken: requiredVariable('AWS_SESSION_TOKEN'),
    },
  });
}

/** Reads a variable that Lambda sets (the role's credentials) or the deployment sets (the endpoint). Throws `ConfigError`. */
export function requiredVariable(variable: string): string {
  const value = process.env[variable];
  if (!value) throw new ConfigError(`Configuration: ${variable} is missing`);
  return value;
}
