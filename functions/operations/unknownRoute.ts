import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2, Context } from 'aws-lambda';
import { AppError } from '../../lib/errors/appError.ts';
import { noContent, problem } from '../../lib/http/answers.ts';

/**
 * Whatever no route matches is answered as everything else is: a problem document with a request id. But for `OPTIONS`: the
 * route `$default` takes every method no other route has, so that browsers' preflights end here, and a preflight must
 * be answered with success. The gateway puts its CORS headers on the answer.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-cors.html
 */
export async function handler(
  event: APIGatewayProxyEventV2,
  context: Context,
): Promise<APIGatewayProxyStructuredResultV2> {
  if (event.requestContext.http.method === 'OPTIONS') return noContent(context.awsRequestId);
  return problem(new AppError('NOT_FOUND', 'There is no such route.'), context.awsRequestId);
}
