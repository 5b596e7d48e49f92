import LocalSupport from '../../local/serverlessPlugin.ts';

/**
 * The local plugin's part of `serverless offline`, without the framework, the bundler and the emulator that take most of a
 * start: what it finds in the way it tells, and ends, as it does within them.
 */
const log = { get: () => log, disable: () => undefined, levelRoot: undefined as unknown };
log.levelRoot = log;
const { HTTP_PORT, WS_PORT, LAMBDA_PORT } = process.env;
const { hooks } = new LocalSupport(
  {
    serviceDir: process.cwd(),
    service: {
      provider: {},
      functions: {},
      custom: {
        esbuild: {},
        'serverless-offline': { httpPort: HTTP_PORT, websocketPort: WS_PORT, lambdaPort: LAMBDA_PORT },
      },
    },
    processedInput: { commands: ['offline'] },
    pluginManager: { plugins: [], spawn: async () => undefined },
  },
  {},
  { log: log as ConstructorParameters<typeof LocalSupport>[2]['log'] },
);
for (const name of ['initialize', 'before:offline:start:init', 'offline:start:init', 'after:offline:start:init']) {
  await hooks[name]?.();
}
// As the servers do, until it is told to end.
setInterval(() => undefined, 60_000);
