import { type Config, ConfigError, config, resetConfig } from '../../lib/runtime/config.ts';

/** The environment, read once and checked whole. */

const before = process.env;

function given(env: Readonly<Record<string, string>>): Config {
  process.env = { ...env };
  resetConfig();
  return config();
}

afterEach(() => {
  process.env = before;
  resetConfig();
});

it('takes an empty variable for an absent one', () => {
  expect(
    given({ STAGE: '', LOG_LEVEL: '', MONGODB_POOL_SIZE: '', WEBSOCKET_ENDPOINT: '', ALLOWED_ORIGINS: '' }),
  ).toEqual(given({}));
});

it('reads what it is given', () => {
  expect(
    given({
      STAGE: 'prod',
      LOG_LEVEL: 'warn',
      METRICS: 'on',
      MONGODB_POOL_SIZE: '9',
      MESSAGE_RETENTION_DAYS: '0',
      WEBSOCKET_ENDPOINT: 'https://abc.execute-api.eu-central-1.amazonaws.com/prod',
      ALLOWED_ORIGINS: ' https://a.example , ,https://b.example',
    }),
  ).toMatchObject({
    STAGE: 'prod',
    LOG_LEVEL: 'warn',
    METRICS: 'on',
    MONGODB_POOL_SIZE: 9,
    MESSAGE_RETENTION_DAYS: 0,
    WEBSOCKET_ENDPOINT: 'https://abc.execute-api.eu-central-1.amazonaws.com/prod',
    ALLOWED_ORIGINS: ['https://a.example', 'https://b.example'],
  });
});

it.each<[Readonly<Record<string, string>>, string]>([
  [{ LOG_LEVEL: 'loud' }, 'LOG_LEVEL must be one of debug, info, warn, error, silent'],
  [{ LOG_LEVEL: 'toString' }, 'LOG_LEVEL must be one of debug, info, warn, error, silent'],
  [{ METRICS: 'ON' }, 'METRICS must be one of on, off'],
  ...['0', '-1', '1.5', '1e3', '0x10', ' 5', 'many', 'NaN', '9'.repeat(16)].map(
    (value): [Readonly<Record<string, string>>, string] => [
      { MONGODB_POOL_SIZE: value },
      'MONGODB_POOL_SIZE must be a whole number, 1 or more',
    ],
  ),
  [{ MESSAGE_RETENTION_DAYS: '-1' }, 'MESSAGE_RETENTION_DAYS must be a whole number, 0 or more'],
  [{ WEBSOCKET_ENDPOINT: 'localhost' }, 'WEBSOCKET_ENDPOINT must be a URL'],
  [{ WEBSOCKET_URL: 'https://chat.example.com' }, 'WEBSOCKET_URL must be an address that begins with wss://'],
  [{ WEBSOCKET_URL: 'wss://a b' }, 'WEBSOCKET_URL must be a URL'],
  [{ CONSOLE: 'true' }, 'CONSOLE must be one of on, off'],
  [{ RATE_LIMITS: 'off', STAGE: 'prod' }, 'RATE_LIMITS may be off on stage local only'],
  ...[
    'support',
    'a@b@c',
    'Zoë <z@example.com>',
    'a@example.com, b@example.com',
    'X <a@example.com>\r\nBcc: b@example.com',
  ].map((MAIL_FROM): [Readonly<Record<string, string>>, string] => [
    { MAIL_FROM, RESET_URL: 'https://example.com' },
    'MAIL_FROM must be an address, or `Name <address>` in ASCII',
  ]),
  ...['support.example.com/console', 'javascript:alert(1)', 'ftp://example.com'].map(
    (RESET_URL): [Readonly<Record<string, string>>, string] => [
      { RESET_URL },
      'RESET_URL must be an http or https URL',
    ],
  ),
  [{ MAIL_FROM: 'support@example.com' }, 'RESET_URL is missing: with MAIL_FROM, mails link to it'],
  ...['http://support.example.com', 'HTTP://support.example.com'].map(
    (RESET_URL): [Readonly<Record<string, string>>, string] => [
      { STAGE: 'prod', RESET_URL },
      'RESET_URL must begin with https: (or be on localhost)',
    ],
  ),
])('refuses %j', (env, complaint) => {
  expect(() => given(env)).toThrow(new ConfigError(`Configuration: ${complaint}`));
});

it('names everything that is wrong at once, and no value', () => {
  const read = () => given({ METRICS: 'secret-1', MAX_BODY_BYTES: 'secret-2' });
  expect(read).toThrow(/METRICS must be .*; MAX_BODY_BYTES must be /);
  expect(read).not.toThrow(/secret/);
});

it.each([
  { STAGE: 'prod', RESET_URL: 'https://support.example.com/#/reset/' },
  { STAGE: 'dev', RESET_URL: 'http://localhost:5173/reset' },
  { RESET_URL: 'http://192.168.0.7:3000/console' },
])('takes a page to set a password on: %j', (env) => {
  expect(given({ ...env, MAIL_FROM: "Kim's Support <support@example.com>" })).toMatchObject(env);
});

it('may lift the rate limits on a laptop', () => {
  expect(given({ RATE_LIMITS: 'off' })).toMatchObject({ RATE_LIMITS: 'off', STAGE: 'local' });
});
