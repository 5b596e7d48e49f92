import { readFileSync } from 'node:fs';
import { appendFile, cp, mkdtemp, readdir, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { clientEvents } from '../../lib/protocol/events.ts';
import { type Route, routeKeyOf } from '../../lib/protocol/route.ts';
import { routes } from '../../lib/protocol/routes.ts';
import { corsOf } from '../support/cors.ts';
import { SITE_ROUTES } from '../support/handlers.ts';
import { PROJECT, Running, SERVERLESS } from '../support/process.ts';
import { type Deployed, fromInventory } from './deployed.ts';
import { EmulatedAws, type Inventory, type Statement } from './emulatedAws.ts';
import { MAILS, temporaryIn } from './packaging.ts';
import { servePages } from './pages.ts';
import { allowedBy, allows } from './policies.ts';
import { rights, service } from './service.ts';
import { walkThrough } from './walkThrough.ts';

/**
 * The real `serverless deploy` and `serverless remove`, of a copy of this project, against an emulated AWS: everything
 * arrives as it should, a changed function is upgraded, and nothing is left behind.
 */

const STAGE = 'prod';
const DEPLOYMENT_MS = 600_000;
const PREFIX = `live-support-${STAGE}`;
const names = Object.keys(service.functions);
/** A network of its own, and roles that can't be given more than the boundary has. */
const VPC = { subnetIds: ['subnet-0a1b2c3d', 'subnet-0b1c2d3e'], securityGroupIds: ['sg-0a1b2c3d'] };
const BOUNDARY = 'arn:aws:iam::123456789012:policy/live-support-boundary';
const PARAMETERS = [`vpc=${JSON.stringify(VPC)}`, `permissionsBoundaryArn=${BOUNDARY}`].concat(
  Object.entries(MAILS).map(([name, value]) => `${name}=${value}`),
);

let aws: EmulatedAws;
let folder: string;
let project: string;
let made: Inventory;
let deployed: Deployed;

const serverless = async (...args: string[]) => {
  const env = { ...aws.environment, ...(await temporaryIn(folder)) };
  const given = PARAMETERS.flatMap((parameter) => ['--param', parameter]);
  const running = new Running([...SERVERLESS, ...args, '--stage', STAGE, ...given], env, project);
  if ((await running.ended(DEPLOYMENT_MS)) !== 0) throw new Error(running.output);
  return running.output;
};

beforeAll(async () => {
  aws = await EmulatedAws.start();
  folder = await mkdtemp(join(tmpdir(), 'live-support-deploy-'));
  project = join(folder, 'project');
  const notSource = ['node_modules', '.git', '.local', '.serverless', '.esbuild', '.site', 'coverage'];
  for (const name of (await readdir(PROJECT)).filter((entry) => !notSource.includes(entry))) {
    await cp(join(PROJECT, name), join(project, name), { recursive: true });
  }
  await symlink(join(PROJECT, 'node_modules'), join(project, 'node_modules'));
  await serverless('deploy');
  made = await aws.inventory(folder);
  deployed = await fromInventory(made, folder, PREFIX);
}, 2 * DEPLOYMENT_MS);

afterAll(async () => {
  await aws?.stop();
  if (folder) await rm(folder, { recursive: true, force: true });
});

const functionNamed = (name: string) => {
  const found = made.functions.find(({ FunctionName }) => FunctionName === `${PREFIX}-${name}`);
  if (!found) throw new Error(`no function ${name}`);
  return found;
};

/** What the template says of a function beyond what the emulator keeps. */
const declared = (name: string) =>
  made.stacks[PREFIX]?.[`${name[0]?.toUpperCase()}${name.slice(1)}LambdaFunction`]?.Properties;

describe('deployed', () => {
  it('is everything there is in the template but what the emulator has no notion of', () => {
    expect(Object.keys(made.stacks)).toEqual([PREFIX]);
    expect(aws.passedOver).toEqual(['AWS::S3::BucketPolicy']);
    expect(made.functions.map(({ FunctionName }) => FunctionName).sort()).toEqual(
      names.map((name) => `${PREFIX}-${name}`).sort(),
    );
  });

  it.each(names)('%s has its own role, its memory, its time and no secret', (name) => {
    const { Runtime, Role, Handler, MemorySize, Timeout, Environment } = functionNamed(name);
    const slow: Readonly<Record<string, number>> = { dispatch: 60, mail: 60, sweep: 240, migrate: 900 };
    const small: Readonly<Record<string, number>> = { site: 256, unknownRoute: 256, mail: 512 };
    expect({ Runtime, Handler, MemorySize, Timeout }).toEqual({
      Runtime: 'nodejs24.x',
      Handler: service.functions[name]?.handler,
      MemorySize: small[name] ?? 1024,
      Timeout: slow[name] ?? 28,
    });
    expect(declared(name)).toMatchObject({ Architectures: ['arm64'], TracingConfig: { Mode: 'Active' } });
    expect(made.functions.filter((other) => other.Role === Role)).toHaveLength(1);
    expect(Object.keys(Environment.Variables)).not.toEqual(expect.arrayContaining(['MONGODB_URI']));
    expect(Object.keys(Environment.Variables)).not.toEqual(expect.arrayContaining(['JWT_KEYS']));
    expect(JSON.stringify(Environment)).not.toMatch(/mongodb(\+srv)?:\/\//);
  });

  it.each(names)('%s may do what the table of rights says, in this stage', (name) => {
    const role = made.roles.find(({ Arn }) => Arn === functionNamed(name).Role);
    const resources = (sid: string) =>
      [role?.Statements.find(({ Sid }) => Sid === sid)?.Resource ?? []]
        .flat()
        .map((arn) => arn.split(':').slice(5).join(':'));
    const socketApi = made.apis.find(({ ProtocolType }) => ProtocolType === 'WEBSOCKET')?.ApiId;
    expect(role?.Attached).toEqual([]);
    expect(resources('Log')).toEqual([`log-group:/aws/lambda/${PREFIX}-${name}:*`]);
    expect(resources('ReadSecrets')).toEqual(
      rights[name]?.secrets.map((secret) => `parameter/live-support/${STAGE}/${secret}`),
    );
    expect(resources('ReachSockets')).toEqual(
      rights[name]?.sockets.map((method) => `${socketApi}/${STAGE}/${method}/@connections/*`),
    );
    expect(resources('CallDispatcher')).toEqual(rights[name]?.dispatches ? [`function:${PREFIX}-dispatch`] : []);
  });

  it('is within the permissions boundary, which leaves every role what it has', () => {
    const { Statement: boundary } = JSON.parse(readFileSync(`${PROJECT}/docs/permissions-boundary.json`, 'utf8')) as {
      readonly Statement: readonly Statement[];
    };
    expect(made.roles).toHaveLength(names.length + 1);
    for (const { Arn, Boundary, Statements } of made.roles) {
      const kept = allowedBy(Statements).filter(([action, resource]) => !allows(boundary, action, resource));
      expect({ Arn, Boundary, kept }).toEqual({ Arn, Boundary: BOUNDARY, kept: [] });
    }
  });

  it.each(names)('%s is in the network where it uses the database, and not where it doesn’t', (name) => {
    const usesDatabase = rights[name]?.secrets.includes('mongodb-uri');
    const role = made.roles.find(({ Arn }) => Arn === functionNamed(name).Role);
    expect(declared(name).VpcConfig).toEqual(
      usesDatabase ? { SubnetIds: VPC.subnetIds, SecurityGroupIds: VPC.securityGroupIds } : undefined,
    );
    expect(allows(role?.Statements ?? [], 'ec2:CreateNetworkInterface', '*')).toBe(false);
    const anInterface = 'arn:aws:ec2:eu-central-1:123456789012:network-interface/*';
    expect(allows(role?.Statements ?? [], 'ec2:CreateNetworkInterface', anInterface)).toBe(usesDatabase);
  });

  it('is reached over HTTP by the routes of the protocol and of the pages, throttled', () => {
    const [api, ...others] = made.apis.filter(({ ProtocolType }) => ProtocolType === 'HTTP');
    expect(others).toEqual([]);
    const expected = Object.values<Route>(routes).map((route) => [routeKeyOf(route), route.tag]);
    const pages = SITE_ROUTES.map((route) => [route, 'site']);
    expect(targets(api?.Routes)).toEqual(Object.fromEntries([...expected, ...pages, ['$default', 'unknownRoute']]));
    expect(api?.Stages).toMatchObject([
      { StageName: '$default', DefaultRouteSettings: { ThrottlingRateLimit: 1000, ThrottlingBurstLimit: 2000 } },
    ]);
  });

  it('lets browsers of the allowed origins in', () => {
    const { allowedOrigins, allowedHeaders, allowedMethods, exposedResponseHeaders, maxAge } = corsOf('prod');
    expect(made.stacks[PREFIX]?.['HttpApi']?.Properties.CorsConfiguration).toEqual({
      AllowOrigins: allowedOrigins,
      AllowHeaders: allowedHeaders,
      AllowMethods: allowedMethods,
      ExposeHeaders: exposedResponseHeaders,
      MaxAge: maxAge,
    });
  });

  it('is reached over WebSocket by the events of the protocol, throttled', () => {
    const [api, ...others] = made.apis.filter(({ ProtocolType }) => ProtocolType === 'WEBSOCKET');
    expect(others).toEqual([]);
    expect(api?.RouteSelectionExpression).toBe('$request.body.event');
    const expected = [...Object.keys(clientEvents), '$connect', '$default', '$disconnect'];
    expect(targets(api?.Routes)).toEqual(Object.fromEntries(expected.map((route) => [route, 'websocket'])));
    expect(api?.Stages).toMatchObject([
      {
        StageName: STAGE,
        DefaultRouteSettings: {
          ThrottlingRateLimit: 2000,
          ThrottlingBurstLimit: 4000,
          DataTraceEnabled: false,
          LoggingLevel: 'OFF',
        },
        RouteSettings: {
          PING: { ThrottlingRateLimit: 500, ThrottlingBurstLimit: 1000, LoggingLevel: 'OFF' },
          $default: { ThrottlingRateLimit: 500, ThrottlingBurstLimit: 1000, LoggingLevel: 'OFF' },
        },
        AccessLogSettings: { DestinationArn: expect.stringContaining(`/aws/websocket/${PREFIX}`) },
      },
    ]);
  });

  it('is called by its own gateways and clock, and by nobody else', () => {
    const ours = made.apis.map(({ ApiId }) => `:${ApiId}/*`);
    for (const { FunctionName, Callers } of made.functions) {
      for (const { Service, ArnLike } of Callers) {
        const source = ArnLike?.['AWS:SourceArn'] ?? '';
        const expected =
          Service === 'apigateway.amazonaws.com'
            ? ours.some((end) => source.endsWith(end))
            : source.includes(`:rule/${PREFIX}-`);
        expect({ FunctionName, source, expected }).toEqual({ FunctionName, source, expected: true });
      }
    }
    const uncalled = made.functions
      .filter(({ Callers }) => Callers.length === 0)
      .map(({ FunctionName }) => FunctionName);
    // The mail sender is invoked by those of ours who have the right: the table of rights says who.
    expect(uncalled.sort()).toEqual(['createFirstAdmin', 'mail', 'migrate'].map((name) => `${PREFIX}-${name}`));
  });

  it('sweeps by the clock, and keeps what failed', () => {
    const rules = made.rules.toSorted((a, b) => (a.ScheduleExpression < b.ScheduleExpression ? -1 : 1));
    expect(rules).toMatchObject([
      {
        ScheduleExpression: 'rate(1 minute)',
        State: 'ENABLED',
        Targets: [{ Arn: functionNamed('dispatch').FunctionArn, Input: '{"tick":true}' }],
      },
      {
        ScheduleExpression: 'rate(5 minutes)',
        State: 'ENABLED',
        Targets: [{ Arn: functionNamed('sweep').FunctionArn }],
      },
    ]);
    expect(declared('sweep').DeadLetterConfig).toEqual({ TargetArn: { 'Fn::GetAtt': ['SweepDeadLetters', 'Arn'] } });
    expect(made.queues).toHaveLength(1);
  });

  it('calls dispatcher and mail sender by their names, and gives up what is late or has failed', () => {
    for (const { Environment } of made.functions)
      expect(Environment.Variables).toMatchObject({
        DISPATCH_FUNCTION: `${PREFIX}-dispatch`,
        MAIL_FUNCTION: `${PREFIX}-mail`,
      });
    const configs = Object.values(made.stacks[PREFIX] ?? {}).filter(
      ({ Type }) => Type === 'AWS::Lambda::EventInvokeConfig',
    );
    expect(configs.map(({ Properties }) => Properties)).toMatchObject([
      {
        FunctionName: { Ref: 'DispatchLambdaFunction' },
        MaximumEventAgeInSeconds: 60,
        MaximumRetryAttempts: 0,
      },
      {
        FunctionName: { Ref: 'MailLambdaFunction' },
        MaximumEventAgeInSeconds: 600,
        MaximumRetryAttempts: 2,
      },
    ]);
  });

  it('raises alarms that somebody hears', () => {
    expect(made.topics).toHaveLength(1);
    expect(made.alarms.length).toBeGreaterThan(10);
    for (const { AlarmName, AlarmActions } of made.alarms) {
      expect(AlarmName.startsWith(`${PREFIX}-`)).toBe(true);
      expect(AlarmActions).toEqual(made.topics);
    }
    // With AWS's own key CloudWatch can't publish to it.
    expect(made.stacks[PREFIX]?.['AlarmTopic']?.Properties).not.toHaveProperty('KmsMasterKeyId');
    expect(made.dashboards).toEqual([PREFIX]);
  });

  it('keeps every log for as long as the stage says', () => {
    expect(made.logGroups.map(({ retentionInDays }) => retentionInDays)).toEqual(made.logGroups.map(() => 90));
    expect(made.logGroups.map(({ logGroupName }) => logGroupName).sort()).toEqual(
      [
        ...names.map((name) => `/aws/lambda/${PREFIX}-${name}`),
        `/aws/http-api/${PREFIX}`,
        `/aws/websocket/${PREFIX}`,
      ].sort(),
    );
  });

  it('serves console, widget and documents where they are switched on', () => servePages(deployed));

  it('runs, from the packages in its bucket', async () => {
    await walkThrough(deployed);
  }, 300_000);
});

describe('afterwards', () => {
  it(
    'a changed function is upgraded, and no other',
    async () => {
      await appendFile(join(project, 'functions/operations.ts'), "\nexport const marker = 'changed';\n");
      await serverless('deploy');
      const upgraded = await aws.inventory();
      const before = new Map(made.functions.map(({ FunctionName, CodeSha256 }) => [FunctionName, CodeSha256]));
      const changed = upgraded.functions.filter(
        ({ FunctionName, CodeSha256 }) => before.get(FunctionName) !== CodeSha256,
      );
      expect(changed.map(({ FunctionName }) => FunctionName)).toEqual([`${PREFIX}-operations`]);
      expect(upgraded.apis.map(({ ApiId }) => ApiId).sort()).toEqual(made.apis.map(({ ApiId }) => ApiId).sort());
    },
    DEPLOYMENT_MS,
  );

  it(
    'a rollback brings back the functions of the deployment before',
    async () => {
      const listed = await serverless('deploy', 'list');
      const [first, second] = [...listed.matchAll(/Timestamp: (\d+)/g)].map(([, timestamp]) => timestamp ?? '');
      expect([first, second]).toEqual([expect.stringMatching(/^\d{13}$/), expect.stringMatching(/^\d{13}$/)]);
      await serverless('rollback', '--timestamp', String(Math.min(Number(first), Number(second))));
      const code = ({ functions }: Inventory) =>
        Object.fromEntries(functions.map(({ FunctionName, CodeSha256 }) => [FunctionName, CodeSha256]));
      expect(code(await aws.inventory())).toEqual(code(made));
    },
    DEPLOYMENT_MS,
  );

  it(
    'nothing is left but the role the whole account writes gateway logs under',
    async () => {
      await serverless('remove');
      const { gatewayLogRole, roles, ...left } = await aws.inventory();
      expect(left).toEqual({
        ...{ functions: [], apis: [], rules: [], alarms: [], dashboards: [], logGroups: [], topics: [], queues: [] },
        ...{ buckets: {}, stacks: {} },
      });
      expect(roles.map(({ Arn }) => Arn)).toEqual([gatewayLogRole]);
      expect(gatewayLogRole).toContain('GatewayLogRole');
    },
    DEPLOYMENT_MS,
  );
});

/** The name in serverless.yml of the function each route leads to. */
function targets(given: Readonly<Record<string, string>> = {}): Record<string, string> {
  return Object.fromEntries(
    Object.entries(given).map(([route, uri]) => [
      route,
      new RegExp(`:function:${PREFIX}-(\\w+)`).exec(uri)?.[1] ?? uri,
    ]),
  );
}
