import { waitToRetry } from './retry.ts';
import { requiredVariable, signedPost } from './signedPost.ts';

/** The longest all attempts may take together: a caller waits for it before they are answered. */
const PATIENCE_MS = 1_000;
const ATTEMPTS = 3;

/**
 * Has a function run by itself, after this one has answered. Returns once Lambda has taken the event. Throws when it hasn't.
 * https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
 */
export async function invokeLater(functionName: string, event: unknown): Promise<void> {
  const end = Date.now() + PATIENCE_MS;
  const url = new URL(
    `/2015-03-31/functions/${encodeURIComponent(functionName)}/invocations`,
    requiredVariable('AWS_ENDPOINT_URL_LAMBDA'),
  );
  for (let attempt = 1; ; attempt += 1) {
    const status = await post(url, event, end).catch((error: unknown) => error);
    if (status === 202) return;
    const mayPass = typeof status !== 'number' || status === 429 || status >= 500;
    if (mayPass && (await waitToRetry(attempt, { attempts: ATTEMPTS, end }))) continue;
    throw typeof status === 'number' ? new Error(`Lambda answered ${status}`) : status;
  }
}

async function post(url: URL, event: unknown, end: number): Promise<number> {
  const { status } = await signedPost({
    service: 'lambda',
    url,
    headers: { 'content-type': 'application/json', 'x-amz-invocation-type': 'Event' },
    body: JSON.stringify(event),
    signal: AbortSignal.timeout(Math.max(1, end - Date.now())),
  });
  return status;
}
