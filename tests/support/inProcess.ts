import { randomBytes, randomUUID } from 'node:crypto';
import mongoose from 'mongoose';
import { DISPATCH_FUNCTION, Gateway, type Invoke, MAIL_FUNCTION } from './gateway.ts';
import { type LambdaHandler, loadHandler } from './handlers.ts';
import { SITE_KEYS } from './identity.ts';
import { takeDatabase } from './spareDatabases.ts';
import { Desk, type System } from './system.ts';

export interface InProcess extends System {
  readonly gateway: Gateway;
  /** Runs the functions of what comes through the gateway: this process, unless a test has another machine do it. */
  carrier: Invoke;
  /** Runs an operation that has no route. */
  operate(file: string, event?: unknown): Promise<unknown>;
}

/** Environment a test sets on top of the usual. */
export type Environment = Readonly<Record<string, string>>;

/**
 * The handlers in this process, behind a gateway as strict as AWS's, on a real database that nobody else uses. Rate limits are
 * off unless the environment says otherwise.
 */
export async function startInProcess(environment: Environment = {}): Promise<InProcess> {
  const handlers = new Map<string, Promise<LambdaHandler>>();
  const context = { functionName: 'test', awsRequestId: randomUUID(), getRemainingTimeInMillis: () => 29_000 };
  const invoke = async (file: string, event: unknown) => {
    const loaded = handlers.get(file) ?? loadHandler(file);
    handlers.set(file, loaded);
    return (await loaded)(event, context);
  };
  const gateway = await Gateway.start((file, event) => system.carrier(file, event));
  const database = environment['MONGODB_URI'] === undefined ? await takeDatabase() : undefined;
  Object.assign(process.env, {
    STAGE: 'local',
    LOG_LEVEL: 'silent',
    ...(database && { MONGODB_URI: database.uri }),
    MONGODB_POOL_SIZE: '20',
    JWT_KEYS: `test:${randomBytes(32).toString('base64url')}`,
    IDENTITY_KEYS: SITE_KEYS,
    VISITORS: 'on',
    WEBSOCKET_ENDPOINT: gateway.endpoint,
    DISPATCH_FUNCTION,
    AWS_ENDPOINT_URL_LAMBDA: gateway.endpoint,
    MAIL_FUNCTION,
    AWS_ENDPOINT_URL_SESV2: gateway.endpoint,
    MAIL_FROM: 'Live Support <support@example.com>',
    RESET_URL: 'https://support.example.com/console',
    ACTIVE_MESSAGE_TTL_SECONDS: '1',
    RATE_LIMITS: 'off',
    AWS_REGION: 'eu-central-1',
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
    AWS_SESSION_TOKEN: 'test',
    ...environment,
  });
  if (!database?.isReady) {
    await invoke('migrate', {});
    await database?.migrated();
  }
  const system: InProcess = {
    name: 'handlers',
    databaseUri: process.env['MONGODB_URI'] ?? '',
    gateway,
    carrier: invoke,
    http: (request) => gateway.http(request),
    connect: (upgrade) => gateway.connect(upgrade),
    operate: (file, event = {}) => invoke(file, event),
    stop: async () => {
      await gateway.stop();
      if (!database) await mongoose.connection.dropDatabase();
      await mongoose.disconnect();
      await database?.release();
    },
  };
  return system;
}

/** As above, with a desk whose admin is signed in. */
export async function startDesk(environment?: Environment): Promise<{ system: InProcess; desk: Desk }> {
  const system = await startInProcess(environment);
  const desk = await new Desk(system).open((admin) => system.operate('createFirstAdmin', admin));
  return { system, desk };
}
