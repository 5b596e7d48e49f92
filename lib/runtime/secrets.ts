import { createHmac } from 'node:crypto';
import { ConfigError } from './config.ts';
import { errorFields, logger } from './logger.ts';
import { readParameters } from './parameterStore.ts';
import { SingleFlight } from './singleFlight.ts';

/** A signing key: tokens name it by `kid`. */
export interface JwtKey {
  readonly kid: string;
  readonly secret: Buffer;
}

/** HS256 wants a key at least as long as its hash (RFC 7518 §3.2). */
const LEAST_KEY_BYTES = 32;

/**
 * Reads the database's address. `meanwhile` is work to do while the address is on its way, if it has to be fetched.
 * Throws `ConfigError` where the address is missing, or names no database: the driver would use a database called
 * `test`.
 */
export async function mongodbUri(meanwhile?: () => void): Promise<string> {
  const uri = await required('MONGODB_URI', meanwhile);
  if (!namesDatabase(uri)) throw new ConfigError(`Configuration: ${NO_DATABASE}`);
  return uri;
}

export const NO_DATABASE =
  'MONGODB_URI names no database: write one after the host, as in mongodb+srv://…/live-support';

/** Whether the address names a database after its hosts. */
export const namesDatabase = (uri: string): boolean => /^mongodb(?:\+srv)?:\/\/[^/?]+\/[^/?]/.test(uri);

/**
 * Reads the signing keys, `kid:base64url,kid:base64url`. The first signs, all verify. docs/deploying.md says how to
 * rotate a key without signing anybody out. Throws `ConfigError` for a weak or malformed key.
 */
export async function jwtKeys(): Promise<readonly [JwtKey, ...JwtKey[]]> {
  const source = await required('JWT_KEYS');
  if (cachedKeys?.source !== source) cachedKeys = { source, keys: parseKeys('JWT_KEYS', source) };
  return cachedKeys.keys;
}

/**
 * Reads the keys with which the company signs who its customers are, in the form of `JWT_KEYS`. Any of them verifies. `null`
 * where there are none: then no such token is taken. Throws `ConfigError` for a weak or malformed key, and for one that is a
 * signing key too: whoever has it could sign access tokens.
 */
export async function identityKeys(): Promise<readonly JwtKey[] | null> {
  const [source, own] = await Promise.all([read('IDENTITY_KEYS', { mayBeMissing: true }), jwtKeys()]);
  if (source === null) return null;
  if (cachedIdentityKeys?.source !== source || cachedIdentityKeys.own !== own) {
    const keys = parseKeys('IDENTITY_KEYS', source);
    requireSeparate(keys, own);
    cachedIdentityKeys = { source, own, keys };
  }
  return cachedIdentityKeys.keys;
}

/** As `jwtKeysAhead`, for the function that takes the company's tokens. */
export function identityKeysAhead(): void {
  identityKeys().catch(() => undefined);
}

let cachedIdentityKeys: { source: string; own: readonly JwtKey[]; keys: readonly JwtKey[] } | undefined;

function requireSeparate(keys: readonly JwtKey[], own: readonly JwtKey[]): void {
  // As HMAC takes them: a secret with zeros after it is the same secret.
  const asUsed = ({ secret }: JwtKey) => createHmac('sha256', secret).digest('base64');
  const signing = new Set(own.map(asUsed));
  const shared = keys.find((key) => signing.has(asUsed(key)));
  if (shared) throw new ConfigError(`IDENTITY_KEYS: key ${shared.kid} is in JWT_KEYS too: make one for each`);
}

/**
 * Begins to read the keys while the function's code is loading, so that they arrive together with the database's
 * address. Only for functions that use the keys: the others may not read them. A failure shows when a request needs the
 * keys.
 */
export function jwtKeysAhead(): void {
  jwtKeys().catch(() => undefined);
}

let cachedKeys: { source: string; keys: [JwtKey, ...JwtKey[]] } | undefined;

function parseKeys(name: 'JWT_KEYS' | 'IDENTITY_KEYS', source: string): [JwtKey, ...JwtKey[]] {
  const keys = source.split(',').map((entry, index): JwtKey => {
    const match = /^\s*([A-Za-z0-9_-]{1,32}):([A-Za-z0-9_-]+)\s*$/.exec(entry);
    if (!match) throw new ConfigError(`${name}: entry ${index + 1} is not of the form kid:base64url`);
    const [, kid = '', encoded = ''] = match;
    const secret = Buffer.from(encoded, 'base64url');
    if (secret.length < LEAST_KEY_BYTES) {
      throw new ConfigError(`${name}: key ${kid} is shorter than ${LEAST_KEY_BYTES} bytes`);
    }
    return { kid, secret };
  });
  if (new Set(keys.map((key) => key.kid)).size !== keys.length) throw new ConfigError(`${name}: a kid occurs twice`);
  return keys as [JwtKey, ...JwtKey[]];
}

/** Shorter secrets could be guessed. */
const LEAST_PROXY_SECRET = 32;

/**
 * Reads the secrets of a trusted proxy, `secret,secret`. The proxy may send any of them, so that they can be changed.
 * Throws `ConfigError` for a secret that is too short or can't be a header's value.
 */
export async function trustedProxySecrets(): Promise<readonly string[]> {
  const secrets = (await required('TRUSTED_PROXY_SECRET')).split(',').map((secret) => secret.trim());
  if (!secrets.every((secret) => secret.length >= LEAST_PROXY_SECRET && /^[\x21-\x7e]+$/.test(secret))) {
    throw new ConfigError(
      `TRUSTED_PROXY_SECRET: each must have ${LEAST_PROXY_SECRET} characters or more, of ASCII and without spaces`,
    );
  }
  return secrets;
}

/** How long a secret from the Parameter Store is used before it is read again, so that a rotation needs no deploy. */
const FRESH_MS = 5 * 60 * 1000;

interface Parameter {
  readonly reading: SingleFlight<string | null>;
  /** `null`: there is no such parameter. */
  known?: { readonly value: string | null; readonly readAt: number };
}

type Required = 'MONGODB_URI' | 'JWT_KEYS' | 'TRUSTED_PROXY_SECRET';
type Secret = Required | 'IDENTITY_KEYS';

const parameters = new Map<string, Parameter>();

/** As `read`, for a secret without which nothing works. Throws `ConfigError` where it is missing. */
async function required(name: Required, meanwhile?: () => void): Promise<string> {
  const value = await read(name, { mayBeMissing: false, meanwhile });
  if (value === null) throw new ConfigError(`Configuration: ${name} is missing, and so is ${name}_PARAMETER`);
  return value;
}

/**
 * Reads a secret from its variable, as on a laptop, or from the parameter that `{name}_PARAMETER` names. `null` where neither is
 * set, and for a secret that may be missing also where there is no such parameter.
 */
async function read(
  name: Secret,
  { mayBeMissing, meanwhile }: { readonly mayBeMissing: boolean; readonly meanwhile?: (() => void) | undefined },
): Promise<string | null> {
  const given = process.env[name];
  if (given) return given;
  const path = process.env[`${name}_PARAMETER`];
  if (!path) return null;
  const parameter = parameters.get(path) ?? { reading: new SingleFlight() };
  parameters.set(path, parameter);
  const { known } = parameter;
  if (known && Date.now() - known.readAt < FRESH_MS) return known.value;
  try {
    return await parameter.reading.run(async () => {
      // The age counts from the question: after a freeze the answer may be read much later.
      const readAt = Date.now();
      const value = await readTogether(path, meanwhile);
      if (value === null && !mayBeMissing) throw new ConfigError(`Configuration: there is no parameter ${path}`);
      if (value === '') throw new ConfigError(`Configuration: the parameter ${path} is empty`);
      parameter.known = { value, readAt };
      return value;
    });
  } catch (error) {
    if (!known) throw error;
    // The value of five minutes ago is better than none. The next call asks again.
    logger.warn('could not read a parameter again', { parameter: path, ...errorFields(error) });
    return known.value;
  }
}

interface Batch {
  readonly paths: string[];
  meanwhile?: () => void;
  readonly values: Promise<ReadonlyMap<string, string>>;
}

let batch: Batch | undefined;

/** Reads a parameter together with all others that are asked for at the same moment, with one request. */
async function readTogether(path: string, meanwhile?: () => void): Promise<string | null> {
  batch ??= { paths: [], values: Promise.resolve().then(readBatch) };
  batch.paths.push(path);
  if (meanwhile) batch.meanwhile = meanwhile;
  return (await batch.values).get(path) ?? null;
}

async function readBatch(): Promise<ReadonlyMap<string, string>> {
  const { paths = [], meanwhile } = batch ?? {};
  batch = undefined;
  return readParameters(paths, { meanwhile });
}
