import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { AUDIT_ACTIONS } from '../../lib/protocol/objects/operations.ts';
import { OLDEST_MAJOR } from '../../local/mongodBinary.ts';
import { resourcesOf } from '../deploy/service.ts';

/** What operators read and run names only what is there. */

const root = fileURLToPath(new URL('../../', import.meta.url));
const read = (path: string) => readFileSync(root + path, 'utf8');

const folders = ['', 'docs/', 'docs/decisions/', 'tests/'];
const documents = folders.flatMap((folder) =>
  readdirSync(root + folder)
    .filter((name) => name.endsWith('.md'))
    .map((name) => ({ folder, path: folder + name, text: read(folder + name) })),
);

const filesUnder = (...places: readonly string[]): string[] =>
  places.flatMap((place) =>
    readdirSync(root + place, { recursive: true, encoding: 'utf8' })
      .filter((path) => /\.(ts|cjs|yml)$/.test(path))
      .map((path) => `${place}/${path}`),
  );

it('finds the documents', () => {
  expect(documents.map(({ path }) => path)).toEqual(
    expect.arrayContaining(['README.md', 'docs/deploying.md', 'docs/runbook.md', 'docs/scale.md', 'tests/README.md']),
  );
});

/** As GitHub makes them of headings. */
const anchors = (text: string) =>
  [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );

it.each(documents)('$path links to what is there', ({ folder, path, text }) => {
  const broken = [...text.matchAll(/\]\((?!https?:)([^)#]*)#?([^)]*)\)/g)].filter(([, file = '', anchor = '']) => {
    const target = file === '' ? path : folder + file;
    return !existsSync(root + target) || (anchor !== '' && !anchors(read(target)).includes(anchor));
  });
  expect(broken.map(([link]) => link)).toEqual([]);
});

it.each(documents)('$path names files that are there', ({ text }) => {
  const files = [...text.matchAll(/`((?:lib|functions|cloud|local|bench|tools|tests|docs)\/[\w./-]+)`/g)];
  expect(files.map(([, file = '']) => file).filter((file) => !existsSync(root + file))).toEqual([]);
});

describe('what documents quote', () => {
  const code = filesUnder('lib', 'functions').map(read).join('\n');
  /** Every message the code can log. */
  const messages = new Set(
    [/logger\.\w+\(\s*'([^']+)'/g, /failure: '([^']+)'/g, /complaint: '([^']+)'/g].flatMap((pattern) =>
      [...code.matchAll(pattern)].map(([, message = '']) => message),
    ),
  );

  it('is compared with every message there is: a log line says its text on the spot, or is one of these', () => {
    const elsewhere = [...code.matchAll(/logger\.(?:debug|info|warn|error)\(\s*([^'\s][^,)]*)/g)];
    expect(elsewhere.map(([, source]) => source).sort()).toEqual(['kind.failure', 'request.complaint']);
    expect(messages.size).toBeGreaterThan(30);
  });

  /** Words in code style that are no log line: commands of a shell, and of the database. */
  const isCommand = (words: string) => /^(npm|npx|git|serverless|aggregate|find|insert|update) /.test(words);

  it.each(documents)('$path: only log lines that are written', ({ text }) => {
    const inText = [...text.replaceAll(/```[\s\S]*?```/g, '').matchAll(/`([a-z]+(?: [a-z’]+)*)`( lines?\b)?/g)]
      .filter(([, quote = '', line]) => (line !== undefined || quote.includes(' ')) && !isCommand(quote))
      .map(([, quote = '']) => quote);
    const queried = [...text.matchAll(/\bmessage = "([^"]+)"/g)].map(([, message = '']) => message);
    expect([...inText, ...queried].filter((message) => !messages.has(message))).toEqual([]);
  });

  it('is found by the test above', () => {
    const runbook = read('docs/runbook.md');
    for (const quoted of ['message = "post failed"', '`swept` line', '`could not erase` line']) {
      expect(runbook).toContain(quoted);
    }
  });

  /** Settings, codes, events, metrics, alarms, exports: whatever is written like a name of ours. */
  const everything = new Set(
    [
      read('serverless.yml'),
      ...filesUnder('lib', 'functions', 'cloud', 'local', 'bench', 'tools', 'tests').map(read),
    ].flatMap((text) => text.match(/\w+/g) ?? []),
  );
  const OTHERS = [
    // The environment of the AWS CLI, of serverless and of the workflows.
    ...['AWS_DEPLOY_ROLE_ARN', 'HTTP_URL'],
    // AWS's own, beside what the code names.
    ...['HttpDomainTarget', 'WebsocketsDomainTarget', 'CachingDisabled', 'AllViewerExceptHostHeader', 'StringLike'],
    ...['GatewayLogs', 'PutMetricData'],
  ];

  it.each(documents)('$path: only settings, codes, metrics and the like that there are', ({ text }) => {
    const named = [...text.matchAll(/`((?:[A-Z][a-z0-9]+){2,}|[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|[a-z]+(?:_[a-z0-9]+)+)`/g)];
    const unknown = named
      .map(([, name = '']) => name)
      .filter((name) => !OTHERS.includes(name) && !everything.has(name));
    expect(unknown).toEqual([]);
  });
});

it.each(documents)('$path invokes functions that are there', ({ text }) => {
  for (const [, name] of text.matchAll(/ invoke -f (\w+)/g)) expect(read('serverless.yml')).toContain(`\n  ${name}:\n`);
});

describe('the runbook', () => {
  const runbook = read('docs/runbook.md');

  it('has a section for each alarm, in their order', async () => {
    const alarms = Object.entries(await resourcesOf('monitoring.cjs'))
      .filter(([, { Type }]) => Type === 'AWS::CloudWatch::Alarm')
      .map(([id]) => id.replace(/Alarm$/, ''));
    expect(alarms.length).toBeGreaterThan(0);
    expect([...runbook.matchAll(/^## ([A-Z][a-z]+([A-Z][a-z]+)*)$/gm)].map(([, name]) => name)).toEqual(alarms);
  });

  it('looks into collections there are', () => {
    const store = filesUnder('lib/store').map(read).join('\n');
    const named = [
      ...[...runbook.matchAll(/\bdb\.(\w+)\./g)].map(([, name]) => name),
      ...[...runbook.matchAll(/of \[([^\]]+)\]\) db\[/g)].flatMap(([, names = '']) => names.match(/\w+/g) ?? []),
    ];
    expect(named).toEqual(expect.arrayContaining(['audit', 'sessions', 'refresh_tokens', 'connections']));
    expect(named.filter((name) => !store.includes(`'${name}'`))).toEqual([]);
  });

  it('asks the audit trail for actions there are', () => {
    for (const [, action] of runbook.matchAll(/action=(\w+)/g)) expect(AUDIT_ACTIONS).toContain(action);
  });
});

describe('the deployer', () => {
  const { Statement } = JSON.parse(read('docs/deployer-policy.json')) as {
    Statement: readonly { Sid: string; Action: string | string[]; Resource: string | string[] }[];
  };

  it('may use the services this takes, and no other', () => {
    const services = Statement.flatMap(({ Action }) => [Action].flat().map((action) => action.split(':')[0]));
    expect([...new Set(services)].sort()).toEqual(
      [
        ...['acm', 'apigateway', 'cloudformation', 'cloudwatch', 'ec2', 'events', 'iam', 'lambda', 'logs', 's3'],
        ...['sns', 'sqs'],
      ].sort(),
    );
  });

  it('may touch what is named as ours, but where AWS knows no names', () => {
    const nameless = Statement.filter(
      ({ Resource }) => ![Resource].flat().every((one) => one.includes('live-support-')),
    );
    expect(nameless.map(({ Sid }) => Sid)).toEqual([
      'Templates',
      'Quota',
      'Gateways',
      'DomainsTheFirstTime',
      'AccessLogs',
      'ReadByCloudFormation',
      'CertificateOfDomains',
      'NetworkOfDatabase',
    ]);
  });
});

describe('deploying', () => {
  it('names parameters serverless.yml has', () => {
    const { params } = parse(read('serverless.yml'), { logLevel: 'error' }) as { params: { default: object } };
    const [, table = ''] = read('docs/deploying.md').split(/^\| Parameter \| What \|$|^The settings of the README/m);
    const named = table
      .split('\n')
      .flatMap((line) => [...(line.split('|')[1] ?? '').matchAll(/`(\w+)`/g)].map(([, name]) => name));
    expect(named.toSorted()).toEqual(Object.keys(params.default).sort());
  });

  it('asks for the MongoDB that a laptop takes', () => {
    expect(read('docs/deploying.md')).toContain(`- MongoDB ${OLDEST_MAJOR}.0 or newer`);
  });

  it('stores the two secrets by the same lines here and in the README', () => {
    const lines = (text: string) => /^aws ssm put-parameter [^\n]*mongodb-uri[\s\S]*?^unset VALUE$/m.exec(text)?.[0];
    expect(lines(read('README.md'))).toBeDefined();
    expect(lines(read('README.md'))).toBe(lines(read('docs/deploying.md')));
  });

  it('puts the secrets where the functions look', () => {
    const names = [...read('docs/deploying.md').matchAll(/--name \/live-support\/prod\/([\w-]+)/g)].map(
      ([, name]) => name,
    );
    expect(new Set(names)).toEqual(new Set(['mongodb-uri', 'jwt-keys', 'identity-keys', 'trusted-proxy-secret']));
    for (const name of names) expect(read('serverless.yml')).toContain(`/\${self:service}/\${sls:stage}/${name}`);
  });
});

interface Workflow {
  readonly on: object;
  readonly permissions: Readonly<Record<string, string>>;
  readonly jobs: Readonly<
    Record<
      string,
      {
        readonly permissions?: Readonly<Record<string, string>>;
        readonly environment?: string;
        readonly strategy?: { readonly matrix: Readonly<Record<string, readonly unknown[]>> };
        readonly steps?: readonly {
          readonly uses?: string;
          readonly run?: string;
          readonly with?: Readonly<Record<string, unknown>>;
        }[];
      }
    >
  >;
}

describe('the workflows', () => {
  const workflow = (name: string) => parse(read(`.github/workflows/${name}.yml`)) as Workflow;
  const steps = (name: string) => Object.values(workflow(name).jobs).flatMap((job) => job.steps ?? []);

  const names = readdirSync(`${root}.github/workflows`).map((file) => file.replace(/\.yml$/, ''));

  it.each(names)('%s may read, and has actions pinned by commit, with the version beside it', (name) => {
    expect(workflow(name).permissions).toEqual({ contents: 'read' });
    const used = [...read(`.github/workflows/${name}.yml`).matchAll(/\buses:\s*(.*)$/gm)].map(([, action]) => action);
    expect(used.length).toBeGreaterThan(0);
    // A workflow of this repository is what is checked out anyway.
    for (const action of used) expect(action).toMatch(/^([\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+|\.\/[\w./-]+)$/);
  });

  it('pin one commit of an action, everywhere', () => {
    const pins = names.flatMap((name) => steps(name).flatMap(({ uses }) => uses ?? []));
    const actions = pins.map((pin) => pin.split('@')[0]);
    expect(new Set(pins).size).toBe(new Set(actions).size);
  });

  it('are kept up to date by dependabot, packages too', () => {
    const { updates } = parse(read('.github/dependabot.yml')) as {
      readonly updates: readonly { readonly 'package-ecosystem': string; readonly directory: string }[];
    };
    expect(updates.map((update) => [update['package-ecosystem'], update.directory])).toEqual([
      ['github-actions', '/'],
      ['npm', '/'],
    ]);
  });

  it('run nothing of a package’s installation, and take nothing from a cache, where the role is', () => {
    for (const name of names) {
      for (const job of Object.values(workflow(name).jobs)) {
        if (job.permissions?.['id-token'] !== 'write') continue;
        const commands = (job.steps ?? []).map(({ run }) => run ?? '');
        expect(commands.filter((run) => /\bnpm (ci|i|install)\b/.test(run))).toEqual(['npm ci --ignore-scripts']);
        for (const { with: given = {} } of job.steps ?? []) expect(given).not.toHaveProperty('cache');
      }
    }
  });

  it('test by the one script there is', () => {
    expect(steps('ci').map(({ run }) => run)).toContain('.ci/run');
    expect(existsSync(`${root}.ci/run`)).toBe(true);
  });

  it('run every week what takes too long for every push', () => {
    const { scripts } = JSON.parse(read('package.json')) as { readonly scripts: Readonly<Record<string, string>> };
    const weekly = workflow('weekly').jobs['long']?.strategy?.matrix['script'] ?? [];
    expect(weekly).toEqual([
      'test',
      'test:mutants',
      'test:soak',
      'test:openapi',
      'test:clients',
      'test:clientPackage',
      'test:firstMinutes',
      'bench:cold',
      'bench:million',
      'bench',
    ]);
    for (const name of weekly) expect(scripts).toHaveProperty([String(name)]);
    expect(workflow('weekly').on).toHaveProperty('schedule');
  });

  it('deploy by a role, in an environment, then migrate', () => {
    const { deploy } = workflow('deploy').jobs;
    expect(deploy?.environment).toBeDefined();
    expect(deploy?.permissions).toEqual({ contents: 'read', 'id-token': 'write' });
    expect(read('.github/workflows/deploy.yml')).not.toMatch(/secrets\.|ACCESS_KEY/);
    const commands = steps('deploy').map(({ run }) => run ?? '');
    const [deployed, migrated] = ['deploy', 'invoke -f migrate'].map((verb) =>
      commands.findIndex((run) => run.startsWith(`npx serverless ${verb}`)),
    ) as [number, number];
    expect(deployed).toBeGreaterThan(-1);
    expect(migrated).toBeGreaterThan(deployed);
  });
});
