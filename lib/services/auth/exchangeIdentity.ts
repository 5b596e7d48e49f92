import { authenticate } from '../../auth/authenticate.ts';
import { type IdentityClaims, takesIdentities, verifyIdentityToken } from '../../auth/identityTokens.ts';
import type { Caller } from '../../domain/permissions.ts';
import { AppError } from '../../errors/appError.ts';
import { validate } from '../../errors/validate.ts';
import { limitExchanges, limitRefusedExchanges } from '../../limits/rateLimits.ts';
import { identityClaimsSchema, type Session, type User } from '../../protocol/objects/users.ts';
import { poll } from '../../runtime/poll.ts';
import { type Actor, audit } from '../../store/audit.ts';
import { changeSpeaker } from '../../store/connections.ts';
import { admitCustomer, becomeCustomer, type Identity, insertCustomer } from '../../store/customers.ts';
import { DURABLE_MS, isDuplicateKey, type Transaction } from '../../store/database.ts';
import { touchSession } from '../../store/sessions.ts';
import { endSessions } from './endSessions.ts';
import { type Merged, mergeVisitor } from './mergeVisitor.ts';
import { type LetIn, openSessionOf } from './openSession.ts';

/** A customer who is signed in, and what is left to do of a visitor's merge: `null` where none was merged. */
export interface Exchanged {
  readonly session: Session;
  readonly merged: Merged | null;
  /** Whether the staff knew the customer by another name or address: `tellRenamed` tells them. */
  readonly isRenamed: boolean;
}

/**
 * Signs in the customer whom a token of the company's names; the first time, makes them. A visitor whose access token comes with
 * it turns out to be this customer, once. Throws `NOT_CONFIGURED` where no such token is taken, `INVALID_TOKEN` also for an
 * inactive customer, `VALIDATION_FAILED` for a claim that is no name or no address, `RATE_LIMITED`.
 */
export async function exchangeIdentity(
  { token, visitorToken }: { readonly token: string; readonly visitorToken?: string | undefined },
  sourceIp: string,
): Promise<Exchanged> {
  const identity = await requireIdentity(token, sourceIp);
  const visitor = await findVisitor(visitorToken, sourceIp);
  // Of several first exchanges at once, one makes the customer. The others meet the unique index, and then find the customer.
  const exchanged = await poll(DURABLE_MS, () => tryExchange(identity, visitor, sourceIp));
  if (!exchanged) throw new AppError('UNAVAILABLE');
  return exchanged;
}

/** Returns what the company says. Throws where it doesn't say it, or too often. */
async function requireIdentity(token: string, sourceIp: string): Promise<Identity> {
  if (!(await takesIdentities())) throw new AppError('NOT_CONFIGURED');
  const claims = await verifyIdentityToken(token);
  if (!claims) {
    await limitRefusedExchanges(sourceIp);
    throw new AppError('INVALID_TOKEN', 'The token is not one that the company has signed, or not valid now.');
  }
  await limitExchanges(claims.sub);
  return { sub: claims.sub, ...checked(claims) };
}

/** Throws `VALIDATION_FAILED`, which names the token: where in the token is told in words. */
function checked(claims: IdentityClaims): Omit<Identity, 'sub'> {
  try {
    return validate(identityClaimsSchema, claims, '');
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    const errors = error.errors?.map(({ pointer, detail }) => ({
      pointer: '/body/token',
      detail: `has a claim \`${pointer.slice(1)}\` that ${detail}`,
    }));
    throw new AppError(error.code, undefined, errors && { errors });
  }
}

/** Returns the signed-in visitor whose access token this is. Any other token is as good as none. */
async function findVisitor(token: string | undefined, sourceIp: string): Promise<Caller | null> {
  if (token === undefined) return null;
  try {
    const caller = await authenticate(token, sourceIp);
    return caller.isVisitor ? caller : null;
  } catch (error) {
    if (error instanceof AppError && error.code === 'INVALID_TOKEN') return null;
    throw error;
  }
}

/** Returns `null` where another request has made the customer meanwhile. */
async function tryExchange(identity: Identity, visitor: Caller | null, sourceIp: string): Promise<Exchanged | null> {
  let merged: Exchanged['merged'] = null;
  let isRenamed = false;
  const letIn = async (session: Transaction): Promise<LetIn> => {
    merged = null;
    const known = await admitCustomer(identity, session);
    if (!known) {
      // A visitor whom the company names now was a stranger to the staff.
      isRenamed = visitor !== null;
      return letInNew(identity, visitor, sourceIp, session);
    }
    const { user } = known;
    if (!user.active) throw new AppError('INVALID_TOKEN');
    const actor = { userId: user.id, role: user.role, sourceIp };
    isRenamed = await followClaims(known, actor, session);
    merged = visitor && (await mergeVisitor(visitor, actor, session));
    await audit(actor, 'signed_in', user.id, BY_IDENTITY, session);
    return { user, ended: merged?.sockets ?? [] };
  };
  try {
    const session = await openSessionOf(letIn, sourceIp);
    return { session, merged, isRenamed };
  } catch (error) {
    if (isDuplicateKey(error, 'identitySub')) return null;
    throw error;
  }
}

/** How the audit trail tells these from those who sign in by a password. */
const BY_IDENTITY = { by: 'identity' } as const;

/** Makes the customer: of the visitor, where one is there, so that everything of theirs stays as it is. */
async function letInNew(
  identity: Identity,
  visitor: Caller | null,
  sourceIp: string,
  session: Transaction,
): Promise<LetIn> {
  const became = visitor && (await takeOver(visitor, identity, session));
  const user = became ?? (await insertCustomer(identity, session));
  await audit({ userId: user.id, role: user.role, sourceIp }, 'registered', user.id, BY_IDENTITY, session);
  return { user, ended: became ? await endSessions({ userId: user.id }, session) : [] };
}

/** Returns `null` when the visitor is none any more, or their session has ended. */
async function takeOver(visitor: Caller, identity: Identity, session: Transaction): Promise<User | null> {
  return (await touchSession(visitor, session)) && becomeCustomer(visitor.userId, identity, session);
}

/** Notes what the company says anew, and has the customer's sockets speak under the new name. Returns whether it says anything anew. */
async function followClaims(
  { before, user }: { readonly before: User; readonly user: User },
  actor: Actor,
  session: Transaction,
): Promise<boolean> {
  const changes = {
    ...(user.name !== before.name && { name: 'changed' }),
    ...(user.email !== before.email && { email: 'changed' }),
  };
  if (Object.keys(changes).length === 0) return false;
  await audit(actor, 'user_updated', user.id, changes, session);
  if (user.name !== before.name) await changeSpeaker(user, session);
  return true;
}
