import { emailKey } from '../domain/email.ts';
import type { Caller } from '../domain/permissions.ts';
import { AppError } from '../errors/appError.ts';
import { config } from '../runtime/config.ts';
import { countEvent, forgetEvents, type Window } from '../store/rateLimits.ts';
import { addressKey } from './address.ts';
import { pseudonym } from './pseudonyms.ts';

/** Counts events under a key. Throws `RATE_LIMITED` when a window has more than `most` of them. */
async function enforceLimit(key: string, most: number, windowSeconds: number, events = 1): Promise<void> {
  if (config().RATE_LIMITS === 'off') return;
  const window = await countEvent(key, windowSeconds, events);
  if (window.count > most) throw tooMany(window.endsIn);
}

const MINUTE = 60;
const HOUR = 60 * MINUTE;

/** A client that sends this many times the limit doesn't read the refusals: it gets none, and no connection either. */
const FLOOD_FACTOR = 2;

/**
 * Judges the frames of a connection, valid or not: a frame too many is refused before it costs anything more. Returns
 * whether the frame is one of a flood, which isn't even answered. Throws `RATE_LIMITED`.
 */
export function limitFrames({ count, endsIn }: Window): 'within' | 'flood' {
  if (config().RATE_LIMITS === 'off') return 'within';
  const most = config().RATE_LIMIT_FRAMES_PER_MINUTE;
  if (count > FLOOD_FACTOR * most) return 'flood';
  if (count > most) throw tooMany(endsIn);
  return 'within';
}

/** Counts a frame of a connection without a record, and judges it as `limitFrames` does. */
export async function limitUnknown(connectionId: string): Promise<'within' | 'flood'> {
  if (config().RATE_LIMITS === 'off') return 'within';
  return limitFrames(await countEvent(`frames/${connectionId}`, MINUTE));
}

/** Counts the sockets a user opens: each may cut an older one, which takes its time. */
export const limitConnects = (userId: string): Promise<void> =>
  enforceLimit(`connects/${userId}`, config().RATE_LIMIT_CONNECTS_PER_MINUTE, MINUTE);

export const limitMessages = (userId: string, messages = 1): Promise<void> =>
  enforceLimit(`messages/${userId}`, config().RATE_LIMIT_MESSAGES_PER_MINUTE, MINUTE, messages);

/** Counts who opens a conversation. Anybody may be any number of visitors: those of an address count together too. */
export async function limitConversations({
  userId,
  isVisitor,
  sourceIp,
}: Pick<Caller, 'userId' | 'isVisitor' | 'sourceIp'>): Promise<void> {
  const most = config().RATE_LIMIT_CONVERSATIONS_PER_HOUR;
  await enforceLimit(`conversations/${userId}`, most, HOUR);
  if (isVisitor && sourceIp) await limitAddress('visitors-conversations', sourceIp, most);
}

export const limitRefreshes = (sessionId: string): Promise<void> =>
  enforceLimit(`refreshes/${sessionId}`, config().RATE_LIMIT_REFRESHES_PER_MINUTE, MINUTE);

/** Counts what leaves an audit entry each time, however often it is done to the same conversation or user. */
export const limitStaffWrites = (userId: string): Promise<void> =>
  enforceLimit(`staff-writes/${userId}`, config().RATE_LIMIT_STAFF_WRITES_PER_MINUTE, MINUTE);

/** Counts how often somebody begins to watch the queue, and reads a page of it. */
export const limitWatches = (userId: string): Promise<void> =>
  enforceLimit(`watches/${userId}`, config().RATE_LIMIT_WATCHES_PER_MINUTE, MINUTE);

/** Counts transcripts: each reads a whole conversation. */
export const limitTranscripts = (userId: string): Promise<void> =>
  enforceLimit(`transcripts/${userId}`, config().RATE_LIMIT_TRANSCRIPTS_PER_HOUR, HOUR);

/** Counts how often somebody says up to where they have read. */
export const limitReads = (userId: string): Promise<void> =>
  enforceLimit(`reads/${userId}`, config().RATE_LIMIT_READS_PER_MINUTE, MINUTE);

/** Counts an agent's changes and renewals of their availability. */
export const limitAvailability = (userId: string): Promise<void> =>
  enforceLimit(`availability/${userId}`, config().RATE_LIMIT_AVAILABILITY_PER_MINUTE, MINUTE);

/** Counts right passwords, for signing in and for changing the password. */
export const limitSignIns = (userId: string): Promise<void> =>
  enforceLimit(`sign-ins/${userId}`, config().RATE_LIMIT_SIGN_INS_PER_HOUR, HOUR);

export const limitRegistrations = (sourceIp: string): Promise<void> =>
  limitAddress('registrations', sourceIp, config().RATE_LIMIT_REGISTRATIONS_PER_HOUR);

/** Counts who asks for a mail because of a forgotten password. */
export const limitForgotten = (sourceIp: string): Promise<void> =>
  limitAddress('forgotten', sourceIp, config().RATE_LIMIT_RESETS_PER_HOUR);

/** Counts who presents the token of a link to set a new password. */
export const limitResets = (sourceIp: string): Promise<void> =>
  limitAddress('resets', sourceIp, config().RATE_LIMIT_RESETS_PER_HOUR);

/** Counts under a network address. */
async function limitAddress(what: string, sourceIp: string, most: number, windowSeconds = HOUR): Promise<void> {
  await enforceLimit(`${what}/${await pseudonym(`${what} ${addressKey(sourceIp)}`)}`, most, windowSeconds);
}

/**
 * Counts a mail to an e-mail address, and says whether it may be sent. Counts under the address whether anybody has an account
 * with it: neither the count nor the time tells.
 */
export async function mayBeMailed(email: string): Promise<boolean> {
  if (config().RATE_LIMITS === 'off') return true;
  const { count } = await countEvent(await mailsKey(email), HOUR);
  return count <= config().RATE_LIMIT_RESET_MAILS_PER_HOUR;
}

/** Forgets how many mails were sent to an e-mail address in this hour. */
export const forgetMailed = async (email: string): Promise<void> => forgetEvents(await mailsKey(email), HOUR);

const mailsKey = async (email: string): Promise<string> => `reset-mails/${await pseudonym(`mails ${emailKey(email)}`)}`;

/** Counts the exchanges of one customer of the company's, by what the company calls them. */
export const limitExchanges = async (sub: string): Promise<void> =>
  enforceLimit(`exchanges/${await pseudonym(`exchanges ${sub}`)}`, config().RATE_LIMIT_EXCHANGES_PER_MINUTE, MINUTE);

/** Counts tokens that are refused: nobody knows whose they are, so their address counts. */
export const limitRefusedExchanges = (sourceIp: string): Promise<void> =>
  limitAddress('refused-exchanges', sourceIp, config().RATE_LIMIT_EXCHANGES_PER_MINUTE, MINUTE);

export const limitVisitors = (sourceIp: string): Promise<void> =>
  limitAddress('visitors', sourceIp, config().RATE_LIMIT_VISITORS_PER_HOUR);

/** Makes a `RATE_LIMITED` that says how long to wait. */
export const tooMany = (retryAfter: number): AppError =>
  new AppError('RATE_LIMITED', `Too many requests. Wait ${retryAfter} s.`, { retryAfter });
