import { randomUUID } from 'node:crypto';
import { pathToFileURL } from 'node:url';
import { DISPATCH_FUNCTION, Gateway, type Invoke } from '../tests/support/gateway.ts';
import type { LambdaHandler } from '../tests/support/handlers.ts';
import { listen } from './harness/front.ts';
import { recorder } from './harness/recorder.ts';
import { serve } from './harness/serve.ts';
import { Server } from './harness/server.ts';

/**
 * Live Support as it is deployed: the handlers that `functions/` exports, behind a gateway that terminates real sockets and
 * serves `@connections`. `ROOT` names a folder with another version of the handlers. With `APART=yes` they run in a process
 * of their own, so that the processor time of the gateway, which AWS has, and of the handlers can be told apart.
 */

const root = process.env['ROOT'] || new URL('..', import.meta.url).pathname;

/** Runs the functions in this process. */
function carrier(): Invoke {
  const handlers = new Map<string, Promise<LambdaHandler>>();
  const context = { functionName: 'bench', awsRequestId: randomUUID(), getRemainingTimeInMillis: () => 29_000 };
  const load = async (file: string): Promise<LambdaHandler> => {
    const module = (await import(pathToFileURL(`${root}/functions/${file}.ts`).href)) as { handler: LambdaHandler };
    return module.handler;
  };
  return async (file, event) => {
    const loaded = handlers.get(file) ?? load(file);
    handlers.set(file, loaded);
    return (await loaded)(event, context);
  };
}

/** In the process of their own: runs what the gateway hands over. */
function serveFunctions(): void {
  const carry = carrier();
  const recording = recorder(root);
  serve('functions', {
    ...recording.asks,
    /** What handing over takes by itself. */
    nothing: () => ({ statusCode: 200 }),
    invoke: ({ file, event }: { file: string; event: unknown }) => carry(file, event),
  });
}

async function serveGateway(isApart: boolean): Promise<void> {
  let carry: Invoke = () => Promise.reject(new Error('the functions are not there yet'));
  const recording = recorder(root);
  const gateway = await Gateway.start((file, event) => {
    recording.called();
    return carry(file, event);
  });
  gateway.keepsPosts = false;
  gateway.checksAnswers = !process.env['ROOT'];
  const endpoints = {
    WEBSOCKET_ENDPOINT: gateway.endpoint,
    AWS_ENDPOINT_URL_LAMBDA: gateway.endpoint,
    DISPATCH_FUNCTION: process.env['DISPATCH_FUNCTION'] ?? DISPATCH_FUNCTION,
  };
  Object.assign(process.env, endpoints);
  let functions: Server | undefined;
  if (isApart) {
    const apart = await Server.start('ours.ts', {
      APART: '',
      FUNCTIONS_ONLY: 'yes',
      ...endpoints,
    });
    functions = apart;
    carry = (file, event) => apart.ask('invoke', { file, event });
  } else carry = carrier();
  await carry('migrate', {});
  const address = await listen(gateway, recording.posted);
  serve(address, {
    ...recording.asks,
    operate: ({ file, event }: { file: string; event: unknown }) => carry(file, event),
    idle: () => gateway.idle(),
    // What the process of the functions is asked.
    functions: ({ name, argument }: { name: string; argument?: unknown }) => functions?.ask(name, argument),
  });
}

if (process.env['FUNCTIONS_ONLY'] === 'yes') serveFunctions();
else await serveGateway(process.env['APART'] === 'yes');
