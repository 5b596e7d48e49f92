import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Access, type Operation, PERMISSIONS } from '../../lib/domain/permissions.ts';
import { ERRORS } from '../../lib/protocol/errors.ts';
import { type ClientEvent, clientEvents, serverEvents } from '../../lib/protocol/events.ts';
import type { Route } from '../../lib/protocol/route.ts';
import { routes } from '../../lib/protocol/routes.ts';
import { type Config, config, resetConfig } from '../../lib/runtime/config.ts';
import { DEMO_PASSWORD, demoPeople } from '../../local/demoPeople.ts';

/** The README's tables say what the code says: every line of the one is in the other, in the same order. */

const root = fileURLToPath(new URL('../../', import.meta.url));
const read = (path: string) => readFileSync(root + path, 'utf8');
const readme = read('README.md');
const { scripts } = JSON.parse(read('package.json')) as { readonly scripts: Readonly<Record<string, string>> };

/** The cells of the table between `<!-- name -->` and `<!-- /name -->`, without its head. */
function table(name: string): string[][] {
  const [, text] = readme.split(new RegExp(`<!-- /?${name} -->`));
  if (text === undefined) throw new Error(`the README has no table ${name}`);
  const lines = text.trim().split('\n').slice(2);
  return lines.map((line) =>
    line
      .slice(1, -1)
      .split('|')
      .map((cell) => cell.trim()),
  );
}

const code = (text: string) => `\`${text}\``;

function who(operation: Operation): string {
  const access: Access = PERMISSIONS[operation];
  return access === 'signedIn' ? 'signed in' : access === 'anyone' ? access : access.join(', ');
}

describe('the README', () => {
  it('lists the routes, and who may use them', () => {
    const expected = Object.values<Route>(routes).map(({ method, path, operation, summary }) => [
      code(`${method} ${path}`),
      who(operation),
      summary,
    ]);
    expect(table('routes')).toEqual(expected);
  });

  it('lists the client events, who may send them and what answers them', () => {
    const expected = Object.values<ClientEvent>(clientEvents).map(({ event, answer, summary }) => [
      code(event),
      who(event),
      answer === null ? '—' : code(answer),
      summary,
    ]);
    expect(table('client-events')).toEqual(expected);
  });

  it('lists the server events, and says of each to whom it is sent', () => {
    expect(table('server-events').map(([event]) => event)).toEqual(Object.keys(serverEvents).map(code));
    for (const [, what, sent] of table('server-events')) expect([what, sent]).not.toContain('');
  });

  it('lists the error codes', () => {
    const expected = Object.entries(ERRORS).map(([name, { status, socket, title }]) => [
      code(name),
      String(status ?? ''),
      socket ? 'yes' : '',
      title,
    ]);
    expect(table('errors')).toEqual(expected);
  });

  it('lists the demo people', () => {
    for (const { email, role } of demoPeople) {
      expect(readme).toMatch(new RegExp(`^\\|.*${code(email)}.*\\| ${role} \\|`, 'm'));
    }
    expect(readme).toContain(code(DEMO_PASSWORD));
  });

  it.each([...readme.matchAll(/ invoke .*-f (\w+)/g)].map(([, name]) => name))('invokes %s, which is there', (name) => {
    expect(read('serverless.yml')).toContain(`\n  ${name}:\n`);
  });
});

describe.each(['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'docs/README.md', 'tests/README.md'])('%s', (page) => {
  it.each([...read(page).matchAll(/\]\(((?!https?:)[^)#]+)/g)].map(([, path]) => path))(
    'links to %s, which is there',
    (path = '') => {
      expect(existsSync(join(root, dirname(page), path))).toBe(true);
    },
  );

  it('names no script that is not there', () => {
    const named = [...read(page).matchAll(/npm run ([\w:]+)/g)].map(([, name]) => name);
    expect(named.filter((name) => !Object.keys(scripts).includes(name ?? ''))).toEqual([]);
  });
});

describe('the configuration', () => {
  const secrets = [...new Set(read('lib/runtime/secrets.ts').match(/(?<=')[A-Z]+_[A-Z_]+(?=')/g))];
  const defaults = defaultConfig();
  const documented = new Map(table('configuration').map(([name = '', value]) => [name.slice(1, -1), value]));

  it('is documented in full', () => {
    expect([...documented.keys()].sort()).toEqual([...secrets, ...Object.keys(defaults)].sort());
  });

  it.each(Object.entries(defaults))('%s has the documented default', (name, value) => {
    expect(documented.get(name)).toBe(Array.isArray(value) || value === '' ? 'none' : code(String(value)));
  });

  it.each(secrets)('%s has no default', (name) => {
    expect(documented.get(name)).toBe(['TRUSTED_PROXY_SECRET', 'IDENTITY_KEYS'].includes(name) ? 'none' : 'required');
  });

  // `RATE_LIMITS` may be off on a laptop only.
  it.each([...documented.keys()].filter((name) => name !== 'RATE_LIMITS'))('%s reaches the functions', (name) => {
    expect(read('serverless.yml')).toMatch(
      new RegExp(`^    ${name}${secrets.includes(name) ? '_PARAMETER' : ''}: `, 'm'),
    );
  });
});

/** What an empty environment gives. */
function defaultConfig(): Config {
  const before = process.env;
  process.env = {};
  resetConfig();
  try {
    return config();
  } finally {
    process.env = before;
    resetConfig();
  }
}
