import { AppError } from '../errors/appError.ts';
import { config } from '../runtime/config.ts';
import { countEvent } from '../store/rateLimits.ts';
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

/** Counts the frames of a connection, valid or not: a flood is refused before it costs anything more. */
export const limitFrames = (connectionId: string): Promise<void> =>
  enforceLimit(`frames/${connectionId}`, config().RATE_LIMIT_FRAMES_PER_MINUTE, MINUTE);

export const limitMessages = (userId: string, messages = 1): Promise<void> =>
  enforceLimit(`messages/${userId}`, config().RATE_LIMIT_MESSAGES_PER_MINUTE, MINUTE, messages);

export const limitConversations = (userId: string): Promise<void> =>
  enforceLimit(`conversations/${userId}`, config().RATE_LIMIT_CONVERSATIONS_PER_HOUR, HOUR);

export const limitRefreshes = (sessionId: string): Promise<void> =>
  enforceLimit(`refreshes/${sessionId}`, config().RATE_LIMIT_REFRESHES_PER_MINUTE, MINUTE);

export const limitRegistrations = async (sourceIp: string): Promise<void> =>
  enforceLimit(
    `registrations/${await pseudonym(`registrations ${addressKey(sourceIp)}`)}`,
    config().RATE_LIMIT_REGISTRATIONS_PER_HOUR,
    HOUR,
  );

/** Makes a `RATE_LIMITED` that says how long to wait. */
export const tooMany = (retryAfter: number): AppError =>
  new AppError('RATE_LIMITED', `Too many requests. Wait ${retryAfter} s.`, { retryAfter });
