/**
 * Reads a SecureString from AWS Systems Manager's Parameter Store. The client is loaded when it comes to that: on a
 * laptop, and in functions without secrets, it never does. Throws what the SDK throws; the value is in no log.
 */
export async function readParameter(name: string): Promise<string> {
  const { GetParameterCommand, SSMClient } = await import('@aws-sdk/client-ssm');
  const client = new SSMClient({ maxAttempts: 3 });
  try {
    const { Parameter } = await client.send(new GetParameterCommand({ Name: name, WithDecryption: true }), {
      abortSignal: AbortSignal.timeout(3_000),
    });
    return Parameter?.Value ?? '';
  } finally {
    client.destroy();
  }
}
