/** Turns a variable's text into a setting; the text is `undefined` where the variable is missing. Throws `Wrong`. */
type Reader<T> = (given: string | undefined) => T;

/** A variable has a wrong value; the message says which values it may have. */
class Wrong extends Error {}

const text =
  (byDefault: string): Reader<string> =>
  (given = byDefault) =>
    given;

const oneOf =
  <const V extends string>(values: readonly V[], byDefault: NoInfer<V>): Reader<V> =>
  (given = byDefault) => {
    const value = values.find((known) => known === given);
    if (value === undefined) throw new Wrong(`one of ${values.join(', ')}`);
    return value;
  };

const count =
  (byDefault: number, least = 1): Reader<number> =>
  (given = String(byDefault)) => {
    if (!/^\d{1,15}$/.test(given) || Number(given) < least) throw new Wrong(`a whole number, ${least} or more`);
    return Number(given);
  };

const url =
  (byDefault: string): Reader<string> =>
  (given = byDefault) => {
    if (!URL.canParse(given)) throw new Wrong('a URL');
    return given;
  };

/** Either `address`, or `Name <address>`; ASCII, without what a mail's header would need quotes for. */
const SENDER = /^(?:[\w '.-]+ <[^\s<>@,;"]+@[\w.-]+>|[^\s<>@,;"]+@[\w.-]+)$/;

const sender: Reader<string> = (given = '') => {
  if (given !== '' && !SENDER.test(given)) throw new Wrong('an address, or `Name <address>` in ASCII');
  return given;
};

const link: Reader<string> = (given = '') => {
  if (given !== '' && !(URL.canParse(given) && /^https?:$/.test(new URL(given).protocol))) {
    throw new Wrong('an http or https URL');
  }
  return given;
};

/** Whether nobody between a browser and the page could put a page of their own in its place. */
const isPrivate = (link: string): boolean =>
  new URL(link).protocol === 'https:' || ['localhost', '127.0.0.1', '[::1]'].includes(new URL(link).hostname);

/** The address of a socket, or none. */
const socketUrl: Reader<string> = (given = '') => {
  if (given !== '' && !/^wss?:\/\//.test(given)) throw new Wrong('an address that begins with wss://');
  return given === '' ? given : url(given)(given);
};

const list: Reader<readonly string[]> = (given = '') =>
  given
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');

/**
 * The settings in the environment, as the README documents them. Sizes are bytes, durations seconds unless the name
 * says otherwise. `secrets.ts` reads the secrets (`MONGODB_URI`, `JWT_KEYS`, `IDENTITY_KEYS`, `TRUSTED_PROXY_SECRET`), so that a
 * function without them can run.
 */
const environment = {
  STAGE: text('local'),
  LOG_LEVEL: oneOf(['debug', 'info', 'warn', 'error', 'silent'], 'info'),
  /** `on`: functions write metrics to the log, in CloudWatch's embedded format. */
  METRICS: oneOf(['on', 'off'], 'off'),
  MONGODB_POOL_SIZE: count(4),
  JWT_ISSUER: text('live-support'),
  JWT_AUDIENCE: text('live-support'),
  ACCESS_TOKEN_TTL_SECONDS: count(15 * 60),
  SESSION_TTL_SECONDS: count(14 * 24 * 3600),
  /** A session ends this long after it began, however often it is refreshed. */
  SESSION_LONGEST_SECONDS: count(90 * 24 * 3600),
  /** The gateway's address for posting to connections: `https://{api}.execute-api.{region}.amazonaws.com/{stage}`. */
  WEBSOCKET_ENDPOINT: url('http://localhost:3001'),
  /** The function that tells watchers and gives conversations to agents; empty where there is none. */
  DISPATCH_FUNCTION: text(''),
  /** Who mails come from: a sender that SES knows. Empty: nobody is sent a mail. */
  MAIL_FROM: sender,
  /** The function that sends mails; empty where there is none. */
  MAIL_FUNCTION: text(''),
  /** The page on which one sets a new password. Links to it have the token in their fragment: `lib/services/auth/resetLinks.ts`. */
  RESET_URL: link,
  /** Browser origins that may open a socket; `*` for any. Clients that send no `Origin` are not browsers. */
  ALLOWED_ORIGINS: list,
  /** Whether a proxy in front of the gateway is believed about the clients' addresses: `lib/auth/trustedProxy.ts`. */
  TRUSTED_PROXY: oneOf(['off', 'optional', 'required'], 'off'),
  /** `off`: nobody is told that somebody is typing, which costs a frame each few seconds. */
  TYPING: oneOf(['on', 'off'], 'on'),
  /** `on`: this stage serves the staff's console, at `/console`. */
  CONSOLE: oneOf(['on', 'off'], 'off'),
  /** `on`: this stage serves the widget for customers, `/widget.js`, and a page to see it on, `/demo`. */
  WIDGET: oneOf(['on', 'off'], 'off'),
  /** `on`: this stage serves its documents, at `/docs`. */
  DOCS: oneOf(['on', 'off'], 'off'),
  /** Where the pages open sockets, if not at `WEBSOCKET_ENDPOINT`: a proxy in front has an address of its own. */
  WEBSOCKET_URL: socketUrl,
  /** Where the built pages are: beside the function in its package, elsewhere on a laptop. */
  SITE_FOLDER: text('.site'),
  /** `on`: anybody may sign in as a visitor, without address or password. */
  VISITORS: oneOf(['on', 'off'], 'off'),
  /** How long an archived message stays in the active collection. */
  ACTIVE_MESSAGE_TTL_SECONDS: count(300),
  /** How long the messages and the subject of a closed conversation are kept; 0 means for ever. */
  MESSAGE_RETENTION_DAYS: count(0, 0),
  AUDIT_RETENTION_DAYS: count(365),
  MAX_BODY_BYTES: count(64 * 1024),
  /** API Gateway closes the socket at 32 KB a frame. Local emulators don't, so the functions check the limit too. */
  MAX_FRAME_BYTES: count(32 * 1024),
  /** `off` lifts the rate limits, on stage `local` only. */
  RATE_LIMITS: oneOf(['on', 'off'], 'on'),
  RATE_LIMIT_FRAMES_PER_MINUTE: count(600),
  RATE_LIMIT_CONNECTS_PER_MINUTE: count(60),
  RATE_LIMIT_MESSAGES_PER_MINUTE: count(120),
  RATE_LIMIT_CONVERSATIONS_PER_HOUR: count(100),
  RATE_LIMIT_STAFF_WRITES_PER_MINUTE: count(300),
  RATE_LIMIT_WATCHES_PER_MINUTE: count(60),
  RATE_LIMIT_AVAILABILITY_PER_MINUTE: count(60),
  RATE_LIMIT_READS_PER_MINUTE: count(240),
  RATE_LIMIT_TRANSCRIPTS_PER_HOUR: count(60),
  RATE_LIMIT_REGISTRATIONS_PER_HOUR: count(100),
  RATE_LIMIT_EXCHANGES_PER_MINUTE: count(30),
  RATE_LIMIT_VISITORS_PER_HOUR: count(100),
  RATE_LIMIT_SIGN_INS_PER_HOUR: count(60),
  RATE_LIMIT_REFRESHES_PER_MINUTE: count(30),
  RATE_LIMIT_FAILED_LOGINS: count(10),
  RATE_LIMIT_RESETS_PER_HOUR: count(60),
  RATE_LIMIT_RESET_MAILS_PER_HOUR: count(3),
  MAX_SESSIONS_PER_USER: count(50),
  MAX_CONNECTIONS_PER_USER: count(20),
  MAX_ROOMS_PER_CONNECTION: count(100),
} satisfies Record<string, Reader<unknown>>;

export type Config = { readonly [Name in keyof typeof environment]: ReturnType<(typeof environment)[Name]> };

/** Thrown once, at the start. The message names every variable that is missing or wrong, and never a value. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

let cached: Config | undefined;

/** Returns the configuration, which the first call reads and checks. Throws `ConfigError`. */
export function config(): Config {
  cached ??= parse(process.env);
  return cached;
}

/**
 * Forgets the configuration, because the environment has changed. Only on a laptop and in tests: a function has one
 * environment.
 */
export function resetConfig(): void {
  cached = undefined;
}

function parse(env: NodeJS.ProcessEnv): Config {
  const wrong: string[] = [];
  const read = Object.entries<Reader<unknown>>(environment).map(([name, reader]) => {
    try {
      // A template leaves an empty variable where nothing was given: it counts as absent.
      return [name, reader(env[name] || undefined)];
    } catch (error) {
      if (!(error instanceof Wrong)) throw error;
      wrong.push(`${name} must be ${error.message}`);
      return [name];
    }
  });
  const parsed = Object.freeze(Object.fromEntries(read)) as Config;
  if (parsed.RATE_LIMITS === 'off' && parsed.STAGE !== 'local')
    wrong.push('RATE_LIMITS may be off on stage local only');
  if (parsed.MAIL_FROM && !parsed.RESET_URL) wrong.push('RESET_URL is missing: with MAIL_FROM, mails link to it');
  if (parsed.RESET_URL && !isPrivate(parsed.RESET_URL) && parsed.STAGE !== 'local')
    wrong.push('RESET_URL must begin with https: (or be on localhost)');
  if (wrong.length > 0) throw new ConfigError(`Configuration: ${wrong.join('; ')}`);
  return parsed;
}
