import type { ServerEventName } from '../lib/protocol/events.ts';

/** Who gets an event that only answers client events. */
export const ASKED_FOR = 'To the connection that asked for it.';

/** What each server event says, and who gets it unasked (`null`: it only answers client events). For asyncapi.json and the README. */
export const SERVER_EVENTS: Readonly<
  Record<ServerEventName, { readonly summary: string; readonly sentTo: string | null }>
> = {
  CONVERSATION_JOINED: {
    summary:
      'You are in the room: the conversation, and its messages after `afterSeq`. Where `nextAfterSeq` is not null, join again with it for the rest, or read over HTTP.',
    sentTo: null,
  },
  MESSAGE_ACCEPTED: { summary: 'Your message is durably stored; `duplicate`: it was already.', sentTo: null },
  NEW_MESSAGE: {
    summary: 'A message. May arrive out of order; `seq` is the order.',
    sentTo: "Once to every connection in the room, the sender's own included.",
  },
  CONVERSATION_LEFT: { summary: 'You are out of the room.', sentTo: null },
  CONVERSATION_ASSIGNED: {
    summary: 'The conversation has a new agent.',
    sentTo: 'To the room, and to every connection of the new and of the former agent.',
  },
  CONVERSATION_REQUEUED: {
    summary: 'The conversation was given back, and is open again.',
    sentTo: 'To the room, and to every connection of the agent who had it.',
  },
  CONVERSATION_CLOSED: {
    summary: 'The conversation is closed and the room empty.',
    sentTo: 'To the room, however it was closed.',
  },
  TYPING: {
    summary:
      'Somebody in the room is typing, or not any more. Forget it after 8 seconds, at their message, at the close.',
    sentTo: "To the room, but for the typist's own connections.",
  },
  MESSAGES_READ: {
    summary: 'Up to where somebody has read.',
    sentTo: 'To the room too, when that has moved.',
  },
  PARTICIPANT_JOINED: {
    summary: "Somebody's first connection is in the room. A hint: it may be repeated, or missing.",
    sentTo: "To the room, but for that person's own connections.",
  },
  PARTICIPANT_LEFT: {
    summary: "Somebody's last connection is out of the room. A hint: it may be repeated, or missing.",
    sentTo: 'To the room. Not beside an assignment, a requeue or the close.',
  },
  QUEUE_WATCHED: {
    summary:
      'You are told of the queue from now on, and get what waits: the most urgent first, then the oldest. For the rest watch again with `nextCursor`.',
    sentTo: null,
  },
  QUEUE_UNWATCHED: { summary: 'You are told of the queue no more.', sentTo: null },
  QUEUE_CHANGED: {
    summary:
      'A conversation as it is now: opened, assigned, given back, moved, closed or edited. Drop it where you have one with a higher `revision`.',
    sentTo: 'To watching supervisors and admins who may see it now. To its agent, when it was edited.',
  },
  QUEUE_REMOVED: {
    summary: 'You may not see this conversation any more, as of this `revision`.',
    sentTo: 'To watching supervisors who could see it until this change.',
  },
  QUEUE_STALE: {
    summary: 'More has changed at once than you are told one by one: watch again.',
    sentTo: 'To those who watch, in place of more than 20 changes.',
  },
  NOTE_ADDED: {
    summary: 'Somebody on the staff has noted something.',
    sentTo: "To the conversation's agent, and to watching supervisors and admins who may see it.",
  },
  AGENT_CHANGED: {
    summary: "An agent's availability, capacity or name has changed.",
    sentTo: "To watching admins, and the agent's supervisor where they watch.",
  },
  AVAILABILITY_SET: {
    summary: 'Whether you are available, and until when without a renewal.',
    sentTo:
      "To the agent's other connections too, and to all of them when their supervisor, or the clock, sends them away.",
  },
  PONG: { summary: 'Still here.', sentTo: null },
  ERROR: {
    summary: 'A frame was refused; the connection stays up. Or, with `TOO_MANY_CONNECTIONS`, it is about to be cut.',
    sentTo:
      'To the sender of the frame: of one that is no client event with `MALFORMED_JSON`, `UNKNOWN_EVENT` or `VALIDATION_FAILED`. To the oldest connection of a user who has one too many: `TOO_MANY_CONNECTIONS`.',
  },
};
