import { readdirSync, readFileSync } from 'node:fs';
import { build } from 'esbuild';
import { PROJECT } from '../support/process.ts';
import {
  type DeclaredFunction,
  type Resource,
  type Rights,
  resourcesOf,
  rights,
  service,
  templateOf,
} from './service.ts';

/** The tables of the deployment against the code: what a function may do, is told and measures is what it needs. */

const read = (path: string) => readFileSync(`${PROJECT}/${path}`, 'utf8');
const functions = Object.entries(service.functions);
const NO_RIGHTS: Rights = { secrets: [], sockets: [] };

/** A function's own code, without what it never calls; packages are left out, but for the names that are used. */
async function codeOf({ handler }: DeclaredFunction): Promise<string> {
  const { mainFields, format, bundle } = service.custom.esbuild as {
    readonly mainFields: string[];
    readonly format: 'cjs';
    readonly bundle: boolean;
  };
  const { outputFiles } = await build({
    entryPoints: [`${PROJECT}/${handler.replace(/\.handler$/, '.ts')}`],
    ...{ bundle, format, mainFields },
    packages: 'external',
    platform: 'node',
    target: 'node24',
    write: false,
    logLevel: 'error',
  });
  return outputFiles[0]?.text ?? '';
}

function needsOf(code: string) {
  const calls = (what: string) => code.includes(`${what}(`);
  // The bundler numbers a package that more than one module imports.
  const sends = (command: string) =>
    new RegExp(`new import_client_apigatewaymanagementapi\\d*\\.${command}\\(`).test(code);
  const keys = ['jsonwebtoken.default.verify', 'jsonwebtoken.default.sign', 'jwtKeysAhead'].some(calls);
  const database = code.includes('"MONGODB_URI"');
  const identity = code.includes('"IDENTITY_KEYS"');
  const sockets = [sends('PostToConnectionCommand') && 'POST', sends('DeleteConnectionCommand') && 'DELETE'];
  return {
    secrets: [database && 'mongodb-uri', keys && 'jwt-keys', identity && 'identity-keys'].filter(
      (secret) => secret !== false,
    ),
    proxy: code.includes('"TRUSTED_PROXY_SECRET"'),
    sockets: sockets.filter((method) => method !== false),
    readsParameters: code.includes('"AmazonSSM.GetParameters"'),
    dispatches: code.includes('invokeLater(DISPATCH_FUNCTION'),
    mails: code.includes('invokeLater(MAIL_FUNCTION'),
    sendsMails: code.includes('"/v2/email/outbound-emails"'),
  };
}

describe('rights', () => {
  it('are given to every function, and to nothing else', () => {
    expect(Object.keys(rights).sort()).toEqual(functions.map(([name]) => name).sort());
  });

  it.each(functions)('of %s are what its code needs, no more and no less', async (name, declared) => {
    const { readsParameters, secrets, ...needs } = needsOf(await codeOf(declared));
    const right = { proxy: false, dispatches: false, mails: false, sendsMails: false, ...(rights[name] ?? NO_RIGHTS) };
    expect(right).toMatchObject({ secrets, ...needs });
    expect(readsParameters).toBe(secrets.length > 0);
  });

  it('are known of every AWS client there is in the code', () => {
    const { dependencies } = JSON.parse(read('package.json')) as { dependencies: Readonly<Record<string, string>> };
    const clients = Object.keys(dependencies).filter((name) => name.startsWith('@aws-sdk/'));
    expect(clients).toEqual(['@aws-sdk/client-apigatewaymanagementapi']);
    const used = (pattern: RegExp) => [...new Set(sources().flatMap((file) => read(file).match(pattern) ?? []))].sort();
    expect(used(/\bnew \w+Command\b/g)).toEqual(['new DeleteConnectionCommand', 'new PostToConnectionCommand']);
    // What is signed without a client.
    const importing = (what: string) => sources().filter((file) => read(file).includes(what));
    expect(importing('signature-v4')).toEqual(['lib/runtime/signedPost.ts']);
    expect(importing("/signedPost.ts'").sort()).toEqual([
      ...['lib/runtime/invoke.ts', 'lib/runtime/parameterStore.ts', 'lib/runtime/sendEmail.ts'],
    ]);
    expect(used(/'x-amz-target': '[^']+'/g)).toEqual(["'x-amz-target': 'AmazonSSM.GetParameters'"]);
    expect(used(/'x-amz-invocation-type': '[^']+'/g)).toEqual(["'x-amz-invocation-type': 'Event'"]);
    expect(used(/\binvokeLater\(\w+/g)).toEqual([
      ...['invokeLater(DISPATCH_FUNCTION', 'invokeLater(MAIL_FUNCTION', 'invokeLater(functionName'],
    ]);
  });

  it('hand on failures where the declaration says so', () => {
    const handingOn = functions.filter(([, declared]) => 'onError' in declared).map(([name]) => name);
    expect(Object.keys(rights).filter((name) => rights[name]?.deadLetters)).toEqual(handingOn);
  });
});

describe('roles', () => {
  let roles: Readonly<Record<string, Resource>>;
  beforeAll(async () => {
    roles = await resourcesOf('roles.cjs');
  });

  it('are one per function, named by it alone', () => {
    const named = functions.map(([name, { role }]) => [name, role]);
    expect(named).toEqual(functions.map(([name]) => [name, `${name[0]?.toUpperCase()}${name.slice(1)}Role`]));
    expect(Object.keys(roles).sort()).toEqual(named.map(([, role]) => role).sort());
  });

  it.each(functions)(
    "let %s write its own log, read its stage's secrets, reach its stage's sockets and call its stage's functions",
    (name, { role }) => {
      const { Policies, ManagedPolicyArns } = roles[role]?.Properties ?? {};
      expect(ManagedPolicyArns).toBeUndefined();
      const statements = Policies.flatMap(
        (policy: { PolicyDocument: { Statement: unknown } }) => policy.PolicyDocument.Statement,
      );
      const arn = (rest: string) => ({ 'Fn::Sub': `arn:\${AWS::Partition}:${rest}` });
      const here = `\${AWS::Region}:\${AWS::AccountId}`;
      const { secrets = [], sockets = [], dispatches = false, mails = false, deadLetters } = rights[name] ?? NO_RIGHTS;
      expect(statements).toEqual([
        {
          Sid: 'Log',
          Effect: 'Allow',
          Action: ['logs:CreateLogStream', 'logs:PutLogEvents'],
          Resource: arn(`logs:${here}:log-group:/aws/lambda/live-support-prod-${name}:*`),
        },
        { Sid: 'Trace', Effect: 'Allow', Action: ['xray:PutTraceSegments', 'xray:PutTelemetryRecords'], Resource: '*' },
        ...(secrets.length === 0
          ? []
          : [
              {
                Sid: 'ReadSecrets',
                Effect: 'Allow',
                Action: 'ssm:GetParameters',
                Resource: secrets.map((secret) => arn(`ssm:${here}:parameter/live-support/prod/${secret}`)),
              },
            ]),
        ...(sockets.length === 0
          ? []
          : [
              {
                Sid: 'ReachSockets',
                Effect: 'Allow',
                Action: 'execute-api:ManageConnections',
                Resource: sockets.map((method) =>
                  arn(`execute-api:${here}:\${WebsocketsApi}/prod/${method}/@connections/*`),
                ),
              },
            ]),
        ...(dispatches
          ? [
              {
                Sid: 'CallDispatcher',
                Effect: 'Allow',
                Action: 'lambda:InvokeFunction',
                Resource: arn(`lambda:${here}:function:live-support-prod-dispatch`),
              },
            ]
          : []),
        ...(mails
          ? [
              {
                Sid: 'CallMailSender',
                Effect: 'Allow',
                Action: 'lambda:InvokeFunction',
                Resource: arn(`lambda:${here}:function:live-support-prod-mail`),
              },
            ]
          : []),
        ...(deadLetters
          ? [
              {
                Sid: 'HandOnFailures',
                Effect: 'Allow',
                Action: 'sqs:SendMessage',
                Resource: { 'Fn::GetAtt': ['SweepDeadLetters', 'Arn'] },
              },
            ]
          : []),
      ]);
    },
  );
});

describe('with mails', () => {
  const sendsMails = async (MAIL_FROM: string) => {
    const { Resources = {} } = await templateOf('roles.cjs', { 'param:MAIL_FROM': MAIL_FROM });
    return functions.flatMap(([name, { role }]) => {
      const statements = Resources[role]?.Properties.Policies[0].PolicyDocument.Statement as { Action: unknown }[];
      return statements.flatMap((one) => (JSON.stringify(one.Action).includes('"ses:') ? [[name, one]] : []));
    });
  };

  it.each(['support@mail.example.com', 'Live Support <support@mail.example.com>'])(
    'one function may send them, from %s alone',
    async (from) => {
      const identity = (of: string) => ({
        'Fn::Sub': `arn:\${AWS::Partition}:ses:\${AWS::Region}:\${AWS::AccountId}:identity/${of}`,
      });
      expect(await sendsMails(from)).toEqual([
        [
          'mail',
          {
            Sid: 'SendMails',
            Effect: 'Allow',
            Action: 'ses:SendEmail',
            Resource: [identity('support@mail.example.com'), identity('mail.example.com')],
            Condition: { StringEquals: { 'ses:FromAddress': 'support@mail.example.com' } },
          },
        ],
      ]);
    },
  );

  it('nobody may where there are none', async () => {
    expect(await sendsMails('')).toEqual([]);
  });

  it('the page that they link to must be set: packaging says so', async () => {
    const given = { 'self:params': {}, 'self:provider.environment': {}, 'param:MAIL_FROM': 'support@example.com' };
    await expect(templateOf('settings.cjs', given)).rejects.toThrow('RESET_URL is missing');
    await expect(templateOf('settings.cjs', { ...given, 'param:RESET_URL': 'https://example.com' })).resolves.toEqual(
      {},
    );
  });
});

describe('with a key of one’s own', () => {
  const key = 'arn:aws:kms:eu-central-1:123456789012:key/1';

  it('secrets may be decrypted where they may be read, through the Parameter Store alone', async () => {
    const { Resources = {} } = await templateOf('roles.cjs', { 'param:secretsKeyArn': key });
    for (const [name, { role }] of functions) {
      const statements = JSON.stringify(Resources[role]?.Properties.Policies);
      const reads = (rights[name]?.secrets.length ?? 0) > 0;
      expect([name, statements.includes('"kms:Decrypt"')]).toEqual([name, reads]);
      if (reads) expect(statements).toContain(`"Resource":"${key}","Condition":{"StringEquals":{"kms:ViaService":`);
    }
  });
});

describe('with a trusted proxy', () => {
  it.each(['optional', 'required'])('its secret may be read by what asks who came through it: %s', async (mode) => {
    const { Resources = {} } = await templateOf('roles.cjs', { 'param:TRUSTED_PROXY': mode });
    for (const [name, { role }] of functions) {
      const reads = JSON.stringify(Resources[role]?.Properties).includes(
        'parameter/live-support/prod/trusted-proxy-secret',
      );
      expect([name, reads]).toEqual([name, rights[name]?.proxy ?? false]);
    }
  });
});

describe('instances', () => {
  const reserved = async (given: Readonly<Record<string, string>>) => {
    const { extensions = {} } = await templateOf('concurrency.cjs', given);
    return Object.entries(extensions).map(([id, { Properties }]): [string, number] => [
      id,
      Properties.ReservedConcurrentExecutions,
    ]);
  };

  it('are weighed by names there are', () => {
    const [, weights = ''] = /const WEIGHTS = \{([^}]*)\}/.exec(read('cloud/concurrency.cjs')) ?? [];
    const weighed = [...weights.matchAll(/(\w+):/g)].map(([, name]) => name);
    expect(weighed).toEqual(expect.arrayContaining(['websocket', 'conversations', 'dispatch']));
    for (const name of weighed) expect(rights[name ?? '']?.secrets).toContain('mongodb-uri');
  });

  it('are not bounded unless asked for', async () => {
    expect(await reserved({})).toEqual([]);
  });

  it.each([
    ['120', ''],
    ['300', ''],
    ['1200', ''],
    ['1500', '2'],
    ['16000', '10'],
  ])('are bounded so that %s connections are enough, at a pool of %s', async (most, pool) => {
    const bounds = await reserved({ 'param:databaseConnections': most, 'param:MONGODB_POOL_SIZE': pool });
    const reading = Object.keys(rights).filter((name) => rights[name]?.secrets.includes('mongodb-uri'));
    expect(bounds.map(([id]) => id).sort()).toEqual(
      reading.map((name) => `${name[0]?.toUpperCase()}${name.slice(1)}LambdaFunction`).sort(),
    );
    for (const [, instances] of bounds) expect(instances).toBeGreaterThanOrEqual(1);
    // A pool and a watch each, twice at a deploy.
    const connections = bounds.reduce((sum, [, instances]) => sum + instances, 0) * ((Number(pool) || 4) + 1) * 2;
    expect(connections).toBeLessThanOrEqual(Number(most));
    expect(connections).toBeGreaterThan(Number(most) * 0.6);
  });

  it.each(['1,200', 'many', '0', '-5', '1.5'])('are refused, not left open, at a bound of %s', async (most) => {
    await expect(reserved({ 'param:databaseConnections': most })).rejects.toThrow(/is no whole number/);
  });

  it('are refused where there is not one for each function', async () => {
    await expect(reserved({ 'param:databaseConnections': '119' })).rejects.toThrow(/need 120 at least/);
  });

  it('take a pool to be as large as it is', () => {
    expect(read('cloud/concurrency.cjs')).toContain(
      `const POOL_SIZE = ${/MONGODB_POOL_SIZE: count\((\d+)\)/.exec(read('lib/runtime/config.ts'))?.[1]};`,
    );
  });
});

describe('access logs', () => {
  const filled = (format: string) => format.replaceAll(/\$context\.[\w.]+/g, 'Internal server error');

  it('are JSON, an error’s message among it', async () => {
    const { extensions = {} } = await templateOf('websockets.cjs');
    const formats = [
      extensions['WebsocketsDeploymentStage']?.Properties.AccessLogSettings.Format as string,
      service.provider.logs.httpApi.format,
    ];
    for (const format of formats) {
      expect(Object.keys(JSON.parse(filled(format)))).toContain('requestId');
      // It brings quotes of its own.
      expect(format).not.toContain('messageString');
      expect(format).not.toMatch(/authorization|queryString|body/i);
    }
  });
});

describe('the environment', () => {
  it('is nobody’s shell', () => {
    expect(JSON.stringify(service.provider.environment)).not.toContain('${env:');
  });

  it('passes on every variable there is, and no secret', () => {
    const known = [...read('lib/runtime/config.ts').matchAll(/^ {2}([A-Z_]+): /gm)].map((match) => match[1] ?? '');
    expect(known).toContain('STAGE');
    // May be off on a laptop only.
    const passedOn = known.filter((name) => name !== 'RATE_LIMITS');
    expect(Object.keys(service.provider.environment).sort()).toEqual(
      [
        ...passedOn,
        ...['MONGODB_URI_PARAMETER', 'JWT_KEYS_PARAMETER', 'IDENTITY_KEYS_PARAMETER'],
        'TRUSTED_PROXY_SECRET_PARAMETER',
        ...['AWS_ENDPOINT_URL_SSM', 'AWS_ENDPOINT_URL_LAMBDA', 'AWS_ENDPOINT_URL_SESV2'],
      ].sort(),
    );
  });
});

describe('metrics', () => {
  const known = [...read('lib/runtime/metrics.ts').matchAll(/^ {2}(\w+): '(?:Count|Seconds)',$/gm)].map(
    (match) => match[1] ?? '',
  );

  it.each(known)('%s is measured somewhere', (name) => {
    const measuring = sources().filter(
      (file) => file !== 'lib/runtime/metrics.ts' && new RegExp(`\\b${name}\\b`).test(read(file)),
    );
    expect(measuring).not.toEqual([]);
  });

  it('are all drawn or watched, and nothing else of ours is', async () => {
    const resources = Object.values(await resourcesOf('monitoring.cjs'));
    const watched = resources
      .filter(({ Type, Properties }) => Type === 'AWS::CloudWatch::Alarm' && Properties.Namespace === 'live-support')
      .map(({ Properties }) => String(Properties.MetricName));
    const drawn = resources
      .filter(({ Type }) => Type === 'AWS::CloudWatch::Dashboard')
      .flatMap(({ Properties }) => JSON.parse(Properties.DashboardBody['Fn::Sub']).widgets)
      .flatMap(({ properties }) => properties.metrics as unknown[][])
      .flatMap(([namespace, metric]) => (namespace === 'live-support' ? [String(metric)] : []));
    expect([...new Set([...watched, ...drawn])].sort()).toEqual(known.toSorted());
  });
});

describe('settings', () => {
  const check = (params: object) =>
    templateOf('settings.cjs', { 'self:params': params, 'self:provider.environment': service.provider.environment });

  it('are those of the table, by their names, and the parameters there are', async () => {
    await expect(check(service.params)).resolves.toEqual({});
    await expect(check({ default: { logLevel: 'info' }, prod: { MESSAGE_RETENTION_DAYS: 365 } })).resolves.toEqual({});
  });

  const environment: Readonly<Record<string, unknown>> = service.provider.environment;
  const fixed = Object.keys(environment).filter((name) => !String(environment[name]).includes(`\${param:${name}`));

  it.each(['MESSAGE_RETENTION_DAY', 'alarmEmial', ...fixed])(
    'are refused where nothing reads them: %s',
    async (name) => {
      await expect(check({ default: { logLevel: 'info' }, prod: { [name]: 1 } })).rejects.toThrow(
        `params.prod.${name}`,
      );
    },
  );
});

describe('alarms', () => {
  it('are raised at four fifths of a minute’s requests at the rate that is refused', async () => {
    const { Resources = {} } = await templateOf('monitoring.cjs', {
      'param:httpRate': 1000,
      'param:websocketRate': 50,
    });
    expect(Resources['HttpNearLimitAlarm']?.Properties).toMatchObject({ Threshold: 48_000, Period: 60 });
    expect(Resources['SocketsNearLimitAlarm']?.Properties).toMatchObject({ Threshold: 2_400, Period: 60 });
  });

  it('each have a section in the runbook', async () => {
    const ids = Object.entries(await resourcesOf('monitoring.cjs'))
      .filter(([, { Type }]) => Type === 'AWS::CloudWatch::Alarm')
      .map(([id]) => id.replace(/Alarm$/, ''));
    const sections = [...read('docs/runbook.md').matchAll(/^#{2,4} `?([A-Z][A-Za-z]+)`?\s*$/gm)].map(
      (match) => match[1],
    );
    expect(sections.filter((section) => ids.includes(section ?? '')).sort()).toEqual(ids.sort());
  });
});

function sources(): string[] {
  return ['lib', 'functions'].flatMap((folder) =>
    readdirSync(`${PROJECT}/${folder}`, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => `${folder}/${name}`),
  );
}
