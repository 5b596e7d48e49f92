import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2, Context } from 'aws-lambda';
import { AppError } from '../errors/appError.ts';
import { noContent, problem } from './answers.ts';

/**
 * Answers a path that no route matches with a problem document, like every other error. Answers `OPTIONS` with success:
 * the route `$default` takes every method that no other route has, so browsers' preflights end here. The gateway puts
 * its CORS headers on the answer.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-cors.html
 */
export async function answerUnknownRoute(
  event: APIGatewayProxyEventV2,
  context: Context,
): Promise<APIGatewayProxyStructuredResultV2> {
  if (event.requestContext.http.method === 'OPTIONS') return noContent(context.awsRequestId);
  return problem(new AppError('NOT_FOUND', 'There is no such route.'), context.awsRequestId);
}
