import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2, Context } from 'aws-lambda';
import { problem } from '../../lib/http/answers.ts';
import { AppError } from '../../lib/protocol/errors.ts';

/** Whatever no route matches is answered as everything else is: a problem document with a request id. */
export async function handler(
  _event: APIGatewayProxyEventV2,
  context: Context,
): Promise<APIGatewayProxyStructuredResultV2> {
  return problem(new AppError('NOT_FOUND', 'There is no such route.'), context.awsRequestId);
}
