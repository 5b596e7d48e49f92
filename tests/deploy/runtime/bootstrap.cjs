'use strict';

// What AWS's runtime does in a Lambda: load the handler, then take one invocation after the other from the runtime API.
// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html

const http = require('node:http');

const { AWS_LAMBDA_RUNTIME_API, _HANDLER, LAMBDA_TASK_ROOT } = process.env;

function call(method, path, body) {
  return new Promise((resolve, reject) => {
    const request = http.request(
      `http://${AWS_LAMBDA_RUNTIME_API}/2018-06-01/runtime/${path}`,
      { method },
      (response) => {
        const chunks = [];
        response.on('data', (chunk) => chunks.push(chunk));
        response.on('end', () => resolve({ headers: response.headers, text: Buffer.concat(chunks).toString() }));
      },
    );
    request.on('error', reject);
    request.end(body);
  });
}

const failure = (error) =>
  JSON.stringify({
    errorType: error instanceof Error ? error.name : typeof error,
    errorMessage: error instanceof Error ? error.message : String(error),
    trace: error instanceof Error ? (error.stack ?? '').split('\n') : [],
  });

async function main() {
  let handler;
  try {
    const [file, exported] = _HANDLER.split('.');
    handler = require(`${LAMBDA_TASK_ROOT}/${file}.cjs`)[exported];
    if (typeof handler !== 'function') throw new TypeError(`${_HANDLER} is undefined or not exported`);
    // Node 24's runtime refuses handlers with a callback.
    if (handler.length > 2) throw new TypeError('callback-based handlers are not supported');
  } catch (error) {
    await call('POST', 'init/error', failure(error));
    process.exit(1);
  }
  for (;;) {
    const { headers, text } = await call('GET', 'invocation/next');
    const id = headers['lambda-runtime-aws-request-id'];
    const deadline = Number(headers['lambda-runtime-deadline-ms']);
    process.env._X_AMZN_TRACE_ID = headers['lambda-runtime-trace-id'];
    const context = {
      callbackWaitsForEmptyEventLoop: true,
      functionVersion: '$LATEST',
      functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
      memoryLimitInMB: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
      invokedFunctionArn: headers['lambda-runtime-invoked-function-arn'],
      awsRequestId: id,
      getRemainingTimeInMillis: () => deadline - Date.now(),
    };
    try {
      const result = await handler(JSON.parse(text), context);
      await call('POST', `invocation/${id}/response`, JSON.stringify(result) ?? 'null');
    } catch (error) {
      await call('POST', `invocation/${id}/error`, failure(error));
    }
  }
}

// As the real one: what nobody caught ends the process.
const fatal = async (error) => {
  process.stderr.write(`${failure(error)}\n`);
  process.exit(129);
};
process.on('uncaughtException', fatal);
process.on('unhandledRejection', fatal);

void main();
