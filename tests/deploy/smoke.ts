import { randomBytes } from 'node:crypto';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { waitToRetry } from '../../lib/runtime/retry.ts';

export interface Question {
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

export interface Reply {
  readonly status: number;
  /** By names in small letters. */
  readonly headers: Readonly<Record<string, string>>;
  // biome-ignore lint/suspicious/noExplicitAny: whatever came back.
  readonly body: any;
}

/** What is asked for where a page is switched on. */
const PAGES = { console: '/console', widget: '/widget.js', docs: '/docs' } as const;
export type SmokePage = keyof typeof PAGES;

/**
 * What is asked of a deployment that has just been made, and changes nothing: is it up, its database within reach; may a
 * browser of this origin call it; can it hash a password; does it serve these pages? Answers what is wrong, nothing where all is
 * well.
 */
export async function smokeTest(
  ask: (question: Question) => Promise<Reply>,
  origin: string,
  pages: readonly SmokePage[] = [],
): Promise<string[]> {
  const wrong: string[] = [];
  const check = (what: string, ok: boolean, { status, body }: Reply) => {
    if (!ok) wrong.push(`${what}: answered ${status} ${body?.code ?? ''}`.trimEnd());
  };

  const health = await ask({ method: 'GET', path: '/health' });
  check('health', health.status === 200 && health.body?.status === 'ok', health);

  for (const [method, path] of [
    ['POST', '/auth/login'],
    ['PUT', '/auth/password'],
    ['PATCH', '/users/any'],
    ['GET', '/conversations'],
  ] as const) {
    const preflight = await ask({
      method: 'OPTIONS',
      path,
      headers: {
        origin,
        'access-control-request-method': method,
        'access-control-request-headers': 'authorization,content-type',
      },
    });
    const listed = (name: string) => (preflight.headers[name] ?? '').toLowerCase().split(/\s*,\s*/);
    const allows =
      [origin, '*'].includes(preflight.headers['access-control-allow-origin'] ?? '') &&
      listed('access-control-allow-methods').includes(method.toLowerCase()) &&
      ['authorization', 'content-type'].every((name) => listed('access-control-allow-headers').includes(name));
    check(
      `preflight of ${method} ${path} from ${origin}`,
      preflight.status >= 200 && preflight.status < 300 && allows,
      preflight,
    );
  }

  // Nobody has this address, which takes a hash to find out: the same work as for one that somebody has.
  const email = `${randomBytes(8).toString('hex')}@smoke-test.invalid`;
  const login = await ask({ method: 'POST', path: '/auth/login', body: { email, password: 'nobody has this one' } });
  check('a sign-in of nobody', login.status === 401 && login.body?.code === 'INVALID_CREDENTIALS', login);

  for (const page of pages) {
    const served = await ask({ method: 'GET', path: PAGES[page] });
    const policy = served.headers['content-security-policy'] ?? '';
    check(PAGES[page], served.status === 200 && policy.includes("default-src 'none'"), served);
  }
  return wrong;
}

/** `npm run smoke -- URL ORIGIN [console] [widget] [docs]` */
async function main([url = '', origin = '', ...pages]: readonly string[]): Promise<void> {
  const isPage = (name: string): name is SmokePage => Object.hasOwn(PAGES, name);
  if (!URL.canParse(url) || origin === '' || !pages.every(isPage)) {
    throw new Error('usage: npm run smoke -- URL ORIGIN [console] [widget] [docs]');
  }
  const once = async ({ method, path, headers, body }: Question): Promise<Reply> => {
    const response = await fetch(url.replace(/\/$/, '') + path, {
      method,
      headers: { ...headers, ...(body !== undefined && { 'content-type': 'application/json' }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(30_000),
    });
    const text = await response.text();
    let parsed: unknown;
    try {
      parsed = JSON.parse(text);
    } catch {
      // An answer of the gateway's own, or none: the status says enough.
    }
    return { status: response.status, headers: Object.fromEntries(response.headers), body: parsed };
  };
  // What was made a moment ago may need another one.
  const ask = async (question: Question): Promise<Reply> => {
    for (let attempt = 1; ; attempt += 1) {
      const reply = await once(question).catch((error: unknown) => error);
      const isWell = !(reply instanceof Error) && (reply as Reply).status < 500;
      if (isWell || !(await waitToRetry(attempt, { attempts: 4, end: Date.now() + 60_000 }))) {
        if (reply instanceof Error) throw reply;
        return reply as Reply;
      }
    }
  };
  // Whatever it allows, it allows this one.
  const wrong = await smokeTest(ask, origin === '*' ? 'https://smoke-test.invalid' : origin, pages);
  for (const complaint of wrong) console.error(complaint);
  if (wrong.length > 0) process.exitCode = 1;
  else console.log('It is up, lets browsers in, and hashes passwords.');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main(process.argv.slice(2));
