import { ConfigError } from './config.ts';
import { errorFields, logger } from './logger.ts';
import { readParameter } from './parameterStore.ts';

/** A signing key: tokens name it by `kid`. */
export interface JwtKey {
  readonly kid: string;
  readonly secret: Buffer;
}

/** HS256 wants a key at least as long as its hash (RFC 7518 §3.2). */
const LEAST_KEY_BYTES = 32;

/** The database's address. Throws `ConfigError` where it is missing. */
export async function mongodbUri(): Promise<string> {
  return required('MONGODB_URI');
}

/**
 * The signing keys, `kid:base64url,kid:base64url`: the first signs, all verify. docs/deploying.md says how a key is
 * rotated without signing anybody out. Throws `ConfigError` for a weak or malformed one.
 */
export async function jwtKeys(): Promise<readonly [JwtKey, ...JwtKey[]]> {
  const source = await required('JWT_KEYS');
  if (cachedKeys?.source !== source) cachedKeys = { source, keys: parseKeys(source) };
  return cachedKeys.keys;
}

let cachedKeys: { source: string; keys: [JwtKey, ...JwtKey[]] } | undefined;

function parseKeys(source: string): [JwtKey, ...JwtKey[]] {
  const keys = source.split(',').map((entry, index): JwtKey => {
    const match = /^\s*([A-Za-z0-9_-]{1,32}):([A-Za-z0-9_-]+)\s*$/.exec(entry);
    if (!match) throw new ConfigError(`JWT_KEYS: entry ${index + 1} is not of the form kid:base64url`);
    const [, kid = '', encoded = ''] = match;
    const secret = Buffer.from(encoded, 'base64url');
    if (secret.length < LEAST_KEY_BYTES) {
      throw new ConfigError(`JWT_KEYS: key ${kid} is shorter than ${LEAST_KEY_BYTES} bytes`);
    }
    return { kid, secret };
  });
  if (new Set(keys.map((key) => key.kid)).size !== keys.length) throw new ConfigError('JWT_KEYS: a kid occurs twice');
  return keys as [JwtKey, ...JwtKey[]];
}

/** How long a secret read from the Parameter Store is used before it is read again: a rotation needs no deploy. */
const FRESH_MS = 5 * 60 * 1000;

const parameters = new Map<string, { readonly value: string; readonly readAt: number }>();

/** From the variable itself, as on a laptop, or from the parameter that `{name}_PARAMETER` names. */
async function required(name: 'MONGODB_URI' | 'JWT_KEYS'): Promise<string> {
  const given = process.env[name];
  if (given) return given;
  const parameter = process.env[`${name}_PARAMETER`];
  if (!parameter) throw new ConfigError(`Configuration: ${name} is missing, and so is ${name}_PARAMETER`);
  const known = parameters.get(parameter);
  if (known && Date.now() - known.readAt < FRESH_MS) return known.value;
  try {
    const value = await readParameter(parameter);
    if (value === '') throw new ConfigError(`Configuration: the parameter ${parameter} is empty`);
    parameters.set(parameter, { value, readAt: Date.now() });
    return value;
  } catch (error) {
    if (!known) throw error;
    // Better what was right five minutes ago than nothing; asked again next time.
    logger.warn('could not read a parameter again', { parameter, ...errorFields(error) });
    return known.value;
  }
}
