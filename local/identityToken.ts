import { resolve } from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import jwt from 'jsonwebtoken';
import { IDENTITY_AUDIENCE } from '../lib/auth/identityTokens.ts';
import { ConfigError } from '../lib/runtime/config.ts';
import { identityKeys, type JwtKey } from '../lib/runtime/secrets.ts';
import { LocalError } from './localError.ts';
import { localSigningKeys } from './signingKeys.ts';

const USAGE = `npm run identity:token -- --sub 42 [--name Ada] [--email ada@example.com] [--expires-in 300]

Prints a token as the company's backend makes them, signed with the first key of IDENTITY_KEYS or, where that is not set, with the
key that npm start has made for this machine. --expires-in is in seconds, an hour at most.`;

const DEFAULT_SECONDS = '300';

/** Makes the token that the command line asks for. Throws `LocalError`. */
export async function identityToken(args: readonly string[]): Promise<string> {
  const { sub, name, email, 'expires-in': seconds = DEFAULT_SECONDS } = parse(args);
  if (!sub) throw new LocalError(`--sub is missing\n\n${USAGE}`);
  if (!/^\d{1,4}$/.test(seconds) || Number(seconds) < 1 || Number(seconds) > 3600) {
    throw new LocalError('--expires-in must be a number of seconds, 3600 at most');
  }
  const folder = process.env['LOCAL_DIR'] || '.local';
  process.env['JWT_KEYS'] ||= await localSigningKeys(resolve(folder, 'jwt-keys'));
  process.env['IDENTITY_KEYS'] ||= await localSigningKeys(resolve(folder, 'identity-keys'));
  return signIdentity({ sub, name, email }, Number(seconds));
}

export interface IdentityClaims {
  readonly sub: string;
  readonly name?: string | undefined;
  readonly email?: string | undefined;
}

/** Says who a customer is, with the first key of `IDENTITY_KEYS`. Throws `LocalError`. */
export async function signIdentity({ sub, name, email }: IdentityClaims, seconds: number): Promise<string> {
  const key = await signingKey();
  return jwt.sign({ ...(name && { name }), ...(email && { email }) }, key.secret, {
    algorithm: 'HS256',
    keyid: key.kid,
    audience: IDENTITY_AUDIENCE,
    subject: sub,
    expiresIn: seconds,
  });
}

/** The first key of `IDENTITY_KEYS`, as the service would take it. */
async function signingKey(): Promise<JwtKey> {
  try {
    const [key] = (await identityKeys()) ?? [];
    if (key) return key;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new LocalError(error.message);
  }
  throw new LocalError('there is no key to sign with');
}

function parse(args: readonly string[]) {
  try {
    const option = { type: 'string' } as const;
    const options = { sub: option, name: option, email: option, 'expires-in': option };
    return parseArgs({ args: [...args], options }).values;
  } catch (error) {
    throw new LocalError(`${error instanceof Error ? error.message : error}\n\n${USAGE}`);
  }
}

if (import.meta.main) {
  try {
    console.log(await identityToken(process.argv.slice(2)));
  } catch (error) {
    if (!(error instanceof LocalError)) throw error;
    console.error(error.message);
    process.exitCode = 1;
  }
}
