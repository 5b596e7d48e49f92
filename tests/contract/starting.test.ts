import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { promisify } from 'node:util';
import { HANG_MS } from '../support/deadline.ts';
import { AREAS } from '../support/endpoints.ts';
import { COMPILED, PROJECT } from '../support/process.ts';

/** Importing a module begins nothing. An entry of a function says what begins while it is loaded, and nothing else does. */

const typescript = (folder: string): string[] =>
  readdirSync(`${PROJECT}/${folder}`, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => `${folder}/${name}`);
const entries = readdirSync(`${PROJECT}/functions`).filter((name) => name.endsWith('.ts'));
const modules = [...typescript('lib'), ...AREAS.flatMap((area) => typescript(`functions/${area}`))];

/** Imports these in a process of its own. Answers what was begun: which secrets were asked for, what was connected to. */
async function begunBy(files: readonly string[]): Promise<string[]> {
  const script = `
    import net from 'node:net';
    const begun = new Set();
    const secrets = ['MONGODB_URI', 'JWT_KEYS', 'IDENTITY_KEYS', 'TRUSTED_PROXY_SECRET'];
    process.env = new Proxy(process.env, {
      get: (env, name) => {
        if (secrets.includes(name)) begun.add(name);
        return env[name];
      },
    });
    net.Socket.prototype.connect = function () {
      begun.add('a connection');
      return this;
    };
    for (const file of ${JSON.stringify(files)}) await import(${JSON.stringify(`${PROJECT}/`)} + file);
    process.stdout.write(JSON.stringify([...begun].sort()), () => process.exit());`;
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--no-warnings', '--input-type=module', '-e', script],
    { env: { ...COMPILED, TRUSTED_PROXY: 'required' }, timeout: HANG_MS },
  );
  return JSON.parse(stdout) as string[];
}

it('is nothing that any module does by being imported', async () => {
  expect(modules.length).toBeGreaterThan(100);
  expect(await begunBy(modules)).toEqual([]);
});

/** They answer nobody who is signed in. */
const BY_THE_CLOCK = ['sweep', 'dispatch', 'mail'];

const EVERYTHING = ['JWT_KEYS', 'MONGODB_URI', 'TRUSTED_PROXY_SECRET'];

it.each(entries)('%s begins what it needs', async (entry) => {
  const area = entry.replace(/\.ts$/, '');
  const isArea = (AREAS as readonly string[]).includes(area);
  const ofArea = area === 'auth' ? ['IDENTITY_KEYS', ...EVERYTHING] : EVERYTHING;
  const expected = isArea ? ofArea : BY_THE_CLOCK.includes(area) ? ['MONGODB_URI'] : [];
  expect(await begunBy([`functions/${entry}`])).toEqual(expected);
});
