import type { APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import { signIdentity } from './identityToken.ts';

/** The customer whom the demo's shop has signed in. */
const ADA = { sub: 'demo-ada', name: 'Ada Customer', email: 'ada@example.com' };
const SECONDS = 300;

/**
 * What a company's backend does: says by a token who is signed in. `local/serverlessPlugin.ts` adds this function to the
 * emulator, for /demo. No package has it.
 */
export async function handler(): Promise<APIGatewayProxyStructuredResultV2> {
  const token = await signIdentity(ADA, SECONDS);
  return {
    statusCode: 200,
    headers: { 'content-type': 'application/json', 'cache-control': 'no-store' },
    body: JSON.stringify({ token }),
  };
}
