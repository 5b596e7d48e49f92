import { emailKey } from '../domain/email.ts';
import type { AuditAction } from '../protocol/objects/operations.ts';
import { config } from '../runtime/config.ts';
import { metrics } from '../runtime/metrics.ts';
import { type Actor, audit } from '../store/audit.ts';
import {
  type AttemptLimit,
  type Block,
  type CountedAttempt,
  countAttempt,
  forgetAttempts,
  forgetLift,
  markRefused,
  readStanding,
  rememberLift,
  rememberOrigin,
  renewOrigin,
  type Standing,
  takeBackAttempts,
} from '../store/signInAttempts.ts';
import { ensureSalt } from '../store/users.ts';
import { addressKey } from './address.ts';
import { keyedHash, pseudonym, today } from './pseudonyms.ts';
import { limitSignIns, tooMany } from './rateLimits.ts';

/**
 * How much more often one address (an office, a campus), or one account from everywhere, may fail than the two
 * together.
 */
const ADDRESS_FACTOR = 10;
const ACCOUNT_FACTOR = 5;

/** An account that exists. */
export interface Account {
  readonly id: string;
  readonly salt: string | null;
}

/** An attempt to prove a password. */
export interface Proof {
  /** `null` where nobody has an account with this e-mail. */
  readonly account: Account | null;
  readonly email: string;
  readonly actor: Actor;
  readonly sourceIp: string;
  /** The action that the audit trail notes when the password is wrong. */
  readonly failure: AuditAction;
}

export interface Attempt {
  /** Call this when the password was right. Throws `RATE_LIMITED` where it was right too often. */
  succeeded(): Promise<void>;
  /** Call this when the password was wrong. */
  failed(): Promise<void>;
}

/**
 * Counts an attempt to prove a password, before the password is checked, so that parallel guesses can't slip through.
 * Throws `RATE_LIMITED` after too many wrong passwords for this account from this address, from this address, or for
 * this account from anywhere. The last two don't hold at an address where the account's owner has signed in lately:
 * strangers and colleagues can't lock them out. A refused attempt counts only as a metric. Accounts that don't exist
 * are counted the same.
 */
export async function beginAttempt(proof: Proof): Promise<Attempt> {
  const failed = async () => {
    metrics({ SignInFailures: 1 });
    await audit(proof.actor, proof.failure, proof.account?.id ?? null);
  };
  if (config().RATE_LIMITS === 'off') return { succeeded: async () => undefined, failed };
  const keys = await keysOf(proof);
  const { counted, origin, usesLift } = await countUnlessBlocked(proof, keys);
  return {
    succeeded: async () => {
      // First: one right password too many is counted as a wrong one, so that a flood of them is refused unchecked.
      if (proof.account) await limitSignIns(proof.account.id);
      await takeBackAttempts(counted, keys.pair);
      if (origin !== 'known well') await rememberOrigin(keys.origin);
      if (usesLift) await forgetLift(keys.lift);
    },
    failed,
  };
}

/** Notes the address of a registration as one where the account's owner signed in. */
export async function rememberRegistration(account: Account, sourceIp: string): Promise<void> {
  if (config().RATE_LIMITS === 'off' || account.salt === null) return;
  await rememberOrigin(originKey(account.salt, sourceIp));
}

/** Keeps an address known where the account's owner is still signed in. */
export async function renewKnownOrigin({ salt }: Account, sourceIp: string): Promise<void> {
  if (config().RATE_LIMITS === 'off' || salt === null) return;
  await renewOrigin(originKey(salt, sourceIp));
}

/**
 * Lifts the blocks of an account: forgets the attempts counted for it, and for a quarter of an hour lets its next right
 * password pass the blocks it shares with others, which go on from address to address as long as somebody guesses. The
 * address that password comes from is known from then on.
 */
export async function liftBlocks(account: Account, email: string | null): Promise<void> {
  if (config().RATE_LIMITS === 'off') return;
  const salt = account.salt ?? (await ensureSalt(account.id));
  await forgetAccount({ ...account, salt }, email);
  if (salt) await rememberLift(liftKey(salt));
}

/** Forgets the attempts counted for an account, and for its e-mail before anybody had an account with it. */
export async function forgetAccount({ salt }: Account, email: string | null): Promise<void> {
  // The attempts were counted today or, around midnight, yesterday.
  for (const day of [today(), today() - 1]) {
    if (salt) await forgetAttempts(`${knownAccount(salt, day)}/`);
    if (email) await forgetAttempts(`${await unknownAccount(email, day)}/`);
  }
}

interface Keys {
  readonly pair: string;
  readonly address: string;
  readonly account: string;
  readonly origin: string;
  readonly lift: string;
}

/**
 * Makes the keys under which attempts are counted. No key tells whose it is: an account's key is made with its owner's
 * salt, and worth nothing without it; the keys of addresses and unknown accounts are made with a key that isn't in the
 * database. All of them change with the day. If only some did, a block that outlasts midnight would tell that the
 * account exists.
 */
async function keysOf({ account, email, sourceIp }: Proof): Promise<Keys> {
  const address = addressKey(sourceIp);
  const salt = account && (account.salt ?? (await ensureSalt(account.id)));
  const ofAccount = salt ? knownAccount(salt) : await unknownAccount(email);
  // The account's own salt won't do: the database has it beside the count.
  const within = salt
    ? keyedHash(salt, `address ${today()} ${address}`)
    : await pseudonym(`address ${address} of ${ofAccount}`);
  return {
    account: `${ofAccount}/`,
    pair: `${ofAccount}/${within}`,
    address: `/${await pseudonym(`address ${address}`)}`,
    origin: salt ? originKey(salt, sourceIp) : ofAccount,
    lift: salt ? liftKey(salt) : ofAccount,
  };
}

const originKey = (salt: string, sourceIp: string): string => keyedHash(salt, `origin ${addressKey(sourceIp)}`);

const liftKey = (salt: string): string => keyedHash(salt, 'lift');

const knownAccount = (salt: string, day = today()): string => keyedHash(salt, `account ${day}`);

const unknownAccount = (email: string, day = today()): Promise<string> => pseudonym(`account ${emailKey(email)}`, day);

interface Counted {
  readonly counted: readonly CountedAttempt[];
  readonly origin: Standing['origin'];
  /** It passed a block only because an admin has lifted it. */
  readonly usesLift: boolean;
}

/**
 * Of several attempts that find no block at once, some may lose to the others before they have counted. They look
 * again.
 */
const LOOKS = 3;

async function countUnlessBlocked(proof: Proof, keys: Keys): Promise<Counted> {
  const limits = limitsOf(keys);
  for (let look = 0; look < LOOKS; look += 1) {
    const { blocks, origin, isLifted } = await readStanding(
      limits.map(({ key }) => key),
      keys,
    );
    const pairAlone = limits.filter(({ key }) => key === keys.pair);
    const refusalsOf = (asked: readonly AttemptLimit[]) =>
      blocks.filter((block) => asked.some(({ key }) => key === block.key));
    const usesLift = origin === 'unknown' && isLifted && refusalsOf(limits).length > 0;
    const asked = origin === 'unknown' && !usesLift ? limits : pairAlone;
    const against = refusalsOf(asked);
    if (against.length > 0) return refuse(proof, keys, against);
    const counted = await countAll(asked);
    if (counted) return { counted, origin, usesLift };
  }
  metrics({ SignInFailures: 1 });
  throw tooMany(1);
}

function limitsOf(keys: Keys): AttemptLimit[] {
  const most = config().RATE_LIMIT_FAILED_LOGINS;
  return [
    { key: keys.pair, most },
    { key: keys.address, most: most * ADDRESS_FACTOR },
    { key: keys.account, most: most * ACCOUNT_FACTOR },
  ];
}

/** Counts an attempt under all of the keys. Returns `null` when one refuses; then it is counted under none. */
async function countAll(limits: readonly AttemptLimit[]): Promise<CountedAttempt[] | null> {
  const counted: CountedAttempt[] = [];
  for (const limit of limits) {
    const attempt = await countAttempt(limit);
    if (!attempt) {
      await takeBackAttempts(counted);
      return null;
    }
    counted.push(attempt);
  }
  return counted;
}

/** Refuses an attempt. The audit trail gets only the first refusal of a block, so that a flood stores nothing. */
async function refuse({ actor, account }: Proof, keys: Keys, blocks: readonly Block[]): Promise<never> {
  metrics({ SignInFailures: 1 });
  for (const block of blocks) {
    if (await markRefused(block)) {
      await audit(actor, 'attempts_throttled', account?.id ?? null, { limit: nameOf(block, keys) });
    }
  }
  throw tooMany(Math.ceil(Math.max(...blocks.map(({ waitMs }) => waitMs)) / 1000));
}

function nameOf({ key }: Block, keys: Keys): string {
  if (key === keys.address) return 'address';
  return key === keys.account ? 'account' : 'account and address';
}
