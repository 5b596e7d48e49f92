import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { PROJECT } from '../support/process.ts';
import type { Statement } from './emulatedAws.ts';
import { resourcesOf, rights, service, templateOf } from './service.ts';

/** How the functions are reached, and what they reach: networks, domains, throttles. */

const functions = Object.entries(service.functions);
const load = createRequire(import.meta.url);

describe('with a private database', () => {
  const vpc = { subnetIds: ['subnet-0a', 'subnet-0b'], securityGroupIds: ['sg-0c'] };
  const usingDatabase = functions.filter(([name]) => rights[name]?.secrets.includes('mongodb-uri'));

  it('what uses it is in its network, and nothing else', async () => {
    const { extensions = {} } = await templateOf('vpc.cjs', { 'param:vpc': vpc });
    expect(extensions).toEqual(
      Object.fromEntries(
        usingDatabase.map(([name]) => [
          `${name[0]?.toUpperCase()}${name.slice(1)}LambdaFunction`,
          { Properties: { VpcConfig: { SubnetIds: vpc.subnetIds, SecurityGroupIds: vpc.securityGroupIds } } },
        ]),
      ),
    );
    expect(usingDatabase.length).toBeLessThan(functions.length);
    expect(await templateOf('vpc.cjs', { 'param:vpc': JSON.stringify(vpc) })).toEqual({ extensions });
  });

  it('Lambda may make network interfaces for what is in the network, and the code itself may not', async () => {
    const { Resources = {} } = await templateOf('roles.cjs', { 'param:vpc': vpc });
    for (const [name, { role }] of functions) {
      const statements: Statement[] = Resources[role]?.Properties.Policies[0].PolicyDocument.Statement;
      const about = (effect: string) =>
        statements
          .filter(({ Effect, Action }) => Effect === effect && JSON.stringify(Action).includes('"ec2:'))
          .flatMap(({ Action }) => Action)
          .sort();
      const isInside = usingDatabase.some(([inside]) => inside === name);
      const needed = [
        'ec2:AssignPrivateIpAddresses',
        'ec2:CreateNetworkInterface',
        'ec2:DeleteNetworkInterface',
        'ec2:DescribeNetworkInterfaces',
        'ec2:DescribeSubnets',
        'ec2:UnassignPrivateIpAddresses',
      ];
      expect([name, about('Allow')]).toEqual([name, isInside ? needed : []]);
      expect([name, about('Deny')]).toEqual([name, isInside ? needed : []]);
      const denied = statements.filter(({ Effect }) => Effect === 'Deny');
      expect(denied.map(({ Condition }) => Condition)).toEqual(
        isInside
          ? [
              {
                ArnEquals: {
                  'lambda:SourceFunctionArn': {
                    'Fn::Sub': `arn:\${AWS::Partition}:lambda:\${AWS::Region}:\${AWS::AccountId}:function:live-support-prod-${name}`,
                  },
                },
              },
            ]
          : [],
      );
    }
  });

  it('there is none unless asked for', async () => {
    expect(await templateOf('vpc.cjs')).toEqual({});
    expect(JSON.stringify(await resourcesOf('roles.cjs'))).not.toContain('ec2:');
  });

  it.each([
    [{ subnetIds: ['subnet-0a'] }, 'vpc.securityGroupIds must be a list of ids'],
    [{ securityGroupIds: ['sg-0c'] }, 'vpc.subnetIds must be a list of ids'],
    [{ ...vpc, subnetIds: [] }, 'vpc.subnetIds must be a list of ids'],
    [{ ...vpc, subnetIds: ['sg-0c'] }, 'vpc.subnetIds must be a list of ids'],
    [{ ...vpc, subnetIds: 'subnet-0a' }, 'vpc.subnetIds must be a list of ids'],
    [{ ...vpc, subnets: [] }, 'vpc.subnets: there is no such setting'],
    ['subnet-0a', 'vpc must name subnetIds and securityGroupIds'],
  ])('half a network is refused: %j', async (given, complaint) => {
    await expect(templateOf('vpc.cjs', { 'param:vpc': given })).rejects.toThrow(complaint);
  });
});

/** The logical id of the WebSocket API's deployment, as the framework makes it: another id is another deployment. */
function deploymentOf(websocketsDescription: string): string {
  const compiled = { Resources: {} as Record<string, { Type: string }>, Outputs: {} };
  const naming = load('serverless/lib/plugins/aws/lib/naming.js') as object;
  const provider = {
    ...{ getStage: () => 'prod', getApiGatewayWebsocketApiId: () => ({ Ref: 'WebsocketsApi' }) },
    naming: { ...naming, provider: { serverless: { service: { service: 'live-support', provider: {} } } } },
  };
  const framework = {
    serverless: { service: { provider: { websocketsDescription, compiledCloudFormationTemplate: compiled } } },
    provider: {
      ...provider,
      naming: { ...provider.naming, getWebsocketsApiName: () => 'live-support-prod-websocket' },
    },
    validated: { events: [] },
  };
  for (const [file, step] of [
    ['api', 'compileApi'],
    ['deployment', 'compileDeployment'],
  ] as const) {
    const steps = load(`serverless/lib/plugins/aws/package/compile/events/websockets/lib/${file}.js`);
    (steps as Record<string, (this: unknown) => void>)[step]?.call(framework);
  }
  const [id = ''] = Object.entries(compiled.Resources).find(([, { Type }]) => Type.endsWith('::Deployment')) ?? [];
  expect(id).not.toBe('');
  return id;
}

describe('domains of one’s own', () => {
  const domains = {
    'param:httpDomain': 'api.example.com',
    'param:websocketDomain': 'socket.example.com',
    'param:certificateArn': 'arn:aws:acm:eu-central-1:123456789012:certificate/1',
  };
  const byDefault = {
    'Fn::Sub': `https://\${WebsocketsApi}.execute-api.\${AWS::Region}.\${AWS::URLSuffix}/prod`,
  };
  const CLOSED = { Properties: { DisableExecuteApiEndpoint: true } };

  it('are the only way to an API that has one', async () => {
    expect((await templateOf('domain.cjs', domains)).extensions).toEqual({ HttpApi: CLOSED, WebsocketsApi: CLOSED });
    expect((await templateOf('domain.cjs', { ...domains, 'param:httpDomain': '' })).extensions).toEqual({
      WebsocketsApi: CLOSED,
    });
    expect((await templateOf('domain.cjs')).extensions).toEqual({});
  });

  it('are where the functions post, once the default address is closed', async () => {
    expect(await templateOf('websocketEndpoint.cjs', domains)).toBe('https://socket.example.com');
    expect(await templateOf('websocketEndpoint.cjs', { ...domains, 'param:websocketDomain': '' })).toEqual(byDefault);
    expect(await templateOf('websocketEndpoint.cjs')).toEqual(byDefault);
  });

  it('leave the default addresses alone until their DNS records are there, where asked to', async () => {
    const keep = { ...domains, 'param:defaultEndpoints': 'keep' };
    expect((await templateOf('domain.cjs', keep)).extensions).toEqual({});
    expect(await templateOf('websocketEndpoint.cjs', keep)).toEqual(byDefault);
  });

  it('are deployed with the choice: a WebSocket API closes its default address with its next deployment only', async () => {
    expect(service.provider.websocketsDescription).toBe(`\${file(./cloud/websocketsDescription.cjs)}`);
    const deploymentFor = async (given: Readonly<Record<string, unknown>>) =>
      deploymentOf(String(await templateOf('websocketsDescription.cjs', given)));
    const [none, keep, close] = [
      await deploymentFor({}),
      await deploymentFor({ ...domains, 'param:defaultEndpoints': 'keep' }),
      await deploymentFor(domains),
    ];
    expect(keep).toBe(none);
    expect(close).not.toBe(keep);
    expect(await deploymentFor({ ...domains, 'param:websocketDomain': '' })).toBe(none);
    expect(await deploymentFor({ ...domains, 'param:defaultEndpoints': 'close' })).toBe(close);
  });

  it('refuse a word that might mean either', async () => {
    const odd = { ...domains, 'param:defaultEndpoints': 'open' };
    await expect(templateOf('domain.cjs', odd)).rejects.toThrow('open is neither close nor keep');
    await expect(templateOf('websocketEndpoint.cjs', odd)).rejects.toThrow('open is neither close nor keep');
  });
});

describe('the origins that may open sockets', () => {
  const allowed = ['https://shop.example'];
  const originsOf = async (given: Readonly<Record<string, unknown>>): Promise<unknown> => {
    const known: Readonly<Record<string, unknown>> = { 'param:allowedOrigins': allowed, ...given };
    const make = load('../../cloud/allowedOrigins.cjs');
    return (await make({ resolveVariable: async (name: string) => known[name.split(',')[0] ?? ''] ?? '' }))[
      'Fn::Join'
    ][1];
  };
  const OWN = { 'Fn::Sub': `https://\${HttpApi}.execute-api.\${AWS::Region}.\${AWS::URLSuffix}` };
  const domain = { 'param:httpDomain': 'api.example.com' };

  it('are those of the stage alone, where it serves no pages', async () => {
    expect(await originsOf(domain)).toEqual(allowed);
  });

  it.each(['CONSOLE', 'WIDGET', 'DOCS'])('are its own too, where it serves pages: %s', async (page) => {
    expect(await originsOf({ [`param:${page}`]: 'on' })).toEqual([...allowed, OWN]);
  });

  it('are its own by every address that leads to it', async () => {
    const on = { ...domain, 'param:CONSOLE': 'on' };
    expect(await originsOf(on)).toEqual([...allowed, 'https://api.example.com']);
    expect(await originsOf({ ...on, 'param:defaultEndpoints': 'keep' })).toEqual([
      ...allowed,
      'https://api.example.com',
      OWN,
    ]);
  });
});

describe('the sockets’ throttle', () => {
  const stageOf = async (rate: number, burst: number) => {
    const { extensions = {} } = await templateOf('websockets.cjs', {
      'param:websocketRate': rate,
      'param:websocketBurst': burst,
    });
    return extensions['WebsocketsDeploymentStage']?.Properties;
  };

  it('leaves no event that nothing else limits more than a quarter of it', async () => {
    const { DefaultRouteSettings, RouteSettings } = await stageOf(2000, 4000);
    expect(DefaultRouteSettings).toMatchObject({ ThrottlingRateLimit: 2000, ThrottlingBurstLimit: 4000 });
    // `$default` is whatever is no event.
    const quarter = { ...DefaultRouteSettings, ThrottlingRateLimit: 500, ThrottlingBurstLimit: 1000 };
    expect(RouteSettings).toEqual({ PING: quarter, $default: quarter });
  });

  it('stays open for them however low it is', async () => {
    const { RouteSettings } = await stageOf(1, 1);
    expect(RouteSettings.PING).toMatchObject({ ThrottlingRateLimit: 1, ThrottlingBurstLimit: 1 });
  });

  it('names routes there are', async () => {
    const { RouteSettings } = await stageOf(2000, 4000);
    const events = functions.flatMap(([, { events = [] }]) => events.map((event) => event['websocket']));
    expect(events).toEqual(expect.arrayContaining(Object.keys(RouteSettings)));
  });

  it('is the only limit of these two: every other event counts its frames in the database', () => {
    const folder = `${PROJECT}/functions/websocket`;
    const counts = (file: string) =>
      /onClientEvent|onEarlyEvent|upgrade|dropConnection/.test(readFileSync(`${folder}/${file}`, 'utf8'));
    expect(readdirSync(folder).filter((file) => !counts(file))).toEqual(['ping.ts', 'unknownEvent.ts']);
  });
});

describe('the gateways’ access logs', () => {
  it('hold addresses, and the document that says what an erasure reaches says so', async () => {
    const { extensions = {}, Resources = {} } = await templateOf('websockets.cjs', { 'self:functions': {} });
    const sockets = extensions['WebsocketsDeploymentStage']?.Properties.AccessLogSettings.Format;
    const security = readFileSync(`${PROJECT}/docs/security.md`, 'utf8');
    const [, keeping = ''] = security.split('## Keeping and erasing');
    for (const [group, format] of [
      ['/aws/http-api/', service.provider.logs.httpApi.format],
      [Resources['WebsocketAccessLog']?.Properties.LogGroupName.replace(/[^/]+$/, ''), sockets],
    ]) {
      expect(format).toContain('$context.identity.sourceIp');
      expect(keeping).toContain(`\`${group}…\``);
    }
    expect(keeping).toContain('`logRetentionInDays` (14 days; 90 on stage `prod`)');
    expect(service.params).toMatchObject({ default: { logRetentionInDays: 14 }, prod: { logRetentionInDays: 90 } });
  });
});
