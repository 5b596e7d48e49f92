import { ConfigError } from './config.ts';

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
 * The signing keys, `kid:base64url,kid:base64url`: the first signs, all verify, so that a new key is put in front and
 * the old one dropped once the last token it signed has expired. Throws `ConfigError` for a weak or malformed one.
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

async function required(name: 'MONGODB_URI' | 'JWT_KEYS'): Promise<string> {
  const value = process.env[name];
  if (value === undefined || value === '') throw new ConfigError(`Configuration: ${name} is missing`);
  return value;
}
