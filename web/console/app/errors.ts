import { isLiveSupportError, type LiveSupportError } from '../../../client/src/index.ts';

/** What went wrong, as the person is told, and what is wrong at which field. */
export interface Failure {
  readonly said: string;
  readonly fields: Readonly<Record<string, string>>;
  readonly requestId: string | null;
}

const SAID: Partial<Record<LiveSupportError['code'], string>> = {
  INVALID_CREDENTIALS: 'Address or password is wrong.',
  NETWORK: 'The service can’t be reached. Check your connection and try again.',
  TIMEOUT: 'The service didn’t answer in time. Try again.',
  UNAVAILABLE: 'The service can’t reach its database right now. Try again in a moment.',
  INTERNAL: 'Something went wrong at the service. Try again.',
  SIGNED_OUT: 'You have been signed out. Sign in again.',
  INVALID_TOKEN: 'Your session has ended. Sign in again.',
  CONFLICT: 'Somebody else has just changed this. Look again.',
  CONVERSATION_ASSIGNED: 'An agent has this conversation already: only they can close it.',
  CONVERSATION_CLOSED: 'This conversation is closed.',
  AGENT_NOT_AVAILABLE: 'This agent can’t be given a conversation: not active, not yours, or holding 200 already.',
  VALIDATION_FAILED: 'The service doesn’t take it like this.',
  PAYLOAD_TOO_LARGE: 'It is too long.',
  UNEXPECTED: 'The service gave an answer that this page doesn’t understand. Try again.',
  NOT_FOUND: 'It isn’t there, or you may not see it any more.',
  FORBIDDEN: 'Your role may not do this.',
  EMAIL_TAKEN: 'Somebody has this address already.',
  LAST_ADMIN: 'This is the last active admin, who can’t be deactivated.',
  HAS_TEAM: 'This supervisor still has active agents: move or deactivate them first.',
  SHORTCUT_TAKEN: 'There is a reply with this shortcut already.',
};

/** `/body/addTags/0` is a matter of `addTags`. */
const fieldOf = (pointer: string): string => pointer.split('/')[2] ?? '';

export function failureOf(thrown: unknown): Failure {
  if (!isLiveSupportError(thrown)) {
    // A defect of the page: the browser's log has it, and the person isn't left waiting.
    reportError(thrown);
    return { said: 'Something went wrong in this page. Load it again.', fields: {}, requestId: null };
  }
  const { code, message, errors, requestId, retryAfter } = thrown;
  const fields = Object.fromEntries(errors.map(({ pointer, detail }) => [fieldOf(pointer), detail]));
  if (code === 'RATE_LIMITED') {
    const wait = retryAfter === null ? 'Wait a moment' : `Wait ${retryAfter} s`;
    return { said: `Too many attempts. ${wait} and try again.`, fields, requestId };
  }
  return { said: SAID[code] ?? message, fields, requestId };
}
