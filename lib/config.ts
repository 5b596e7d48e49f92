import * as z from 'zod';

const count = (byDefault: number, least = 1) => z.coerce.number().int().min(least).default(byDefault);

const list = z
  .string()
  .default('')
  .transform((value) =>
    value
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== ''),
  );

/**
 * The environment, as the README documents it. Sizes are bytes, durations seconds unless the name says otherwise.
 * Secrets (`MONGODB_URI`, `JWT_KEYS`) are read by `secrets.ts`, so that a function without them can run.
 */
const environment = z.object({
  STAGE: z.string().min(1).default('local'),
  LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info'),
  /** `on`: metrics are written to the log in CloudWatch's embedded format. */
  METRICS: z.enum(['on', 'off']).default('off'),
  MONGODB_POOL_SIZE: count(4),
  JWT_ISSUER: z.string().min(1).default('live-support'),
  JWT_AUDIENCE: z.string().min(1).default('live-support'),
  ACCESS_TOKEN_TTL_SECONDS: count(15 * 60),
  SESSION_TTL_SECONDS: count(14 * 24 * 3600),
  /** However often it is refreshed, a session ends this long after it began. */
  SESSION_LONGEST_SECONDS: count(90 * 24 * 3600),
  /** Where connections are posted to: `https://{api}.execute-api.{region}.amazonaws.com/{stage}`. */
  WEBSOCKET_ENDPOINT: z.url().default('http://localhost:3001'),
  /** Browser origins that may open a socket; `*` for any. Clients that send no `Origin` are not browsers. */
  ALLOWED_ORIGINS: list,
  /** How long an archived message stays in the active collection. */
  ACTIVE_MESSAGE_TTL_SECONDS: count(300),
  /** How long the messages of a closed conversation are kept; 0 for ever. */
  MESSAGE_RETENTION_DAYS: count(0, 0),
  AUDIT_RETENTION_DAYS: count(365),
  MAX_BODY_BYTES: count(64 * 1024),
  /** API Gateway closes the socket at 32 KB a frame; local emulators don't, so the limit is checked here too. */
  MAX_FRAME_BYTES: count(32 * 1024),
  /** `off` lifts the rate limits, on stage `local` only. */
  RATE_LIMITS: z.enum(['on', 'off']).default('on'),
  RATE_LIMIT_FRAMES_PER_MINUTE: count(600),
  RATE_LIMIT_MESSAGES_PER_MINUTE: count(120),
  RATE_LIMIT_CONVERSATIONS_PER_HOUR: count(100),
  RATE_LIMIT_REGISTRATIONS_PER_HOUR: count(100),
  RATE_LIMIT_FAILED_LOGINS: count(10),
  MAX_CONNECTIONS_PER_USER: count(20),
  MAX_ROOMS_PER_CONNECTION: count(100),
});

export type Config = Readonly<z.infer<typeof environment>>;

/** Thrown once at start; names every variable that is missing or wrong, never its value. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

let cached: Config | undefined;

/** The configuration, read and checked on first use. Throws `ConfigError`. */
export function config(): Config {
  cached ??= parse(process.env);
  return cached;
}

/** Forgets what was read. For tests. */
export function resetConfig(): void {
  cached = undefined;
}

function parse(env: NodeJS.ProcessEnv): Config {
  // An empty variable is what a template leaves where nothing was given: the same as absent.
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
  const result = environment.safeParse(given);
  if (!result.success) {
    const wrong = result.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
    throw new ConfigError(`Configuration: ${wrong.join('; ')}`);
  }
  if (result.data.RATE_LIMITS === 'off' && result.data.STAGE !== 'local') {
    throw new ConfigError('Configuration: RATE_LIMITS: may be off on stage local only');
  }
  return Object.freeze(result.data);
}
