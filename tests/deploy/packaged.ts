import { randomBytes } from 'node:crypto';
import mongoose from 'mongoose';
import { Gateway } from '../support/gateway.ts';
import { fileOf } from '../support/handlers.ts';
import { SITE_KEYS } from '../support/identity.ts';
import { newDatabaseUri } from '../support/newDatabase.ts';
import { Desk, type System } from '../support/system.ts';
import type { Deployed, DeployedFunction } from './deployed.ts';
import { AwsFront } from './runtime/awsFront.ts';
import { asRecorded } from './runtime/events.ts';
import { Fleet, type FleetOptions } from './runtime/fleet.ts';

export interface Packaged extends System {
  readonly gateway: Gateway;
  readonly fleet: Fleet;
  readonly aws: AwsFront;
  /** Runs an operation that has no route, by its name in serverless.yml. */
  operate(name: string, event?: unknown): Promise<unknown>;
}

/** Limits are on, as on any stage but a laptop's; higher, for tests come from one address. */
const LIMITS = [
  'RATE_LIMIT_FRAMES_PER_MINUTE',
  'RATE_LIMIT_CONNECTS_PER_MINUTE',
  'RATE_LIMIT_MESSAGES_PER_MINUTE',
  'RATE_LIMIT_CONVERSATIONS_PER_HOUR',
  'RATE_LIMIT_STAFF_WRITES_PER_MINUTE',
  'RATE_LIMIT_WATCHES_PER_MINUTE',
  'RATE_LIMIT_AVAILABILITY_PER_MINUTE',
  'RATE_LIMIT_REGISTRATIONS_PER_HOUR',
  'RATE_LIMIT_EXCHANGES_PER_MINUTE',
  'RATE_LIMIT_VISITORS_PER_HOUR',
  'RATE_LIMIT_SIGN_INS_PER_HOUR',
  'RATE_LIMIT_FAILED_LOGINS',
  'RATE_LIMIT_RESETS_PER_HOUR',
  'RATE_LIMIT_RESET_MAILS_PER_HOUR',
];

/**
 * The packages as deployed, each in processes of its own that freeze between invocations, on a real database. `given` are settings
 * beside those of the deployment.
 */
export async function startPackaged(
  deployed: Deployed,
  reuse: FleetOptions['reuse'] = 'always',
  given: Readonly<Record<string, string>> = {},
): Promise<Packaged> {
  const { functions } = deployed;
  const byFile = new Map(functions.map(({ handler, name }) => [fileOf(handler), name]));
  const gateway = await Gateway.start(
    (file, event) => fleet.invoke(byFile.get(file) ?? file, asRecorded(event)),
    'prod',
  );
  const uri = newDatabaseUri();
  const named = (variable: string) => functions[0]?.environment[variable] ?? '';
  const aws = await AwsFront.start(
    functions,
    {
      [named('MONGODB_URI_PARAMETER')]: uri,
      [named('JWT_KEYS_PARAMETER')]: `test:${randomBytes(32).toString('base64url')}`,
      [named('IDENTITY_KEYS_PARAMETER')]: SITE_KEYS,
    },
    gateway.endpoint,
  );
  const environment = (one: DeployedFunction) => ({
    ...aws.environment(one),
    ...Object.fromEntries(LIMITS.map((name) => [name, '1000000'])),
    ACTIVE_MESSAGE_TTL_SECONDS: '1',
    VISITORS: 'on',
    ...given,
  });
  const fleet = new Fleet(deployed, { environment, reuse });
  return {
    name: 'packages',
    databaseUri: uri,
    gateway,
    fleet,
    aws,
    http: (request) => gateway.http(request),
    connect: (upgrade) => gateway.connect(upgrade),
    operate: (name, event = {}) => fleet.invoke(name, event),
    stop: async () => {
      await gateway.stop();
      await fleet.stop();
      await aws.stop();
      const connection = await mongoose.createConnection(uri).asPromise();
      await connection.dropDatabase();
      await connection.close();
    },
  };
}

/** As above, migrated, with a desk whose admin is signed in. */
export async function startPackagedDesk(
  deployed: Deployed,
  reuse?: FleetOptions['reuse'],
): Promise<{ system: Packaged; desk: Desk }> {
  const system = await startPackaged(deployed, reuse);
  try {
    await system.operate('migrate');
    return { system, desk: await new Desk(system).open((admin) => system.operate('createFirstAdmin', admin)) };
  } catch (error) {
    await system.stop();
    throw error;
  }
}
