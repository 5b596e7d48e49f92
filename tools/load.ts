/** The load of one conversation on AWS, counted from the contract. `cost.ts` and `scale.ts` are built on it. */

/** A typical conversation. The numbers below the line are assumptions about the machine; your logs have your own. */
export const TYPICAL = {
  messages: 20,
  /** Connections in the room: two people with one tab each. */
  participants: 2,
  /** How long each of them is connected. */
  minutes: 15,
  /** Bytes of text in a message. */
  bytes: 200,
  // ---
  /** Billed for an invocation, on average, with the starts of new instances. */
  milliseconds: 120,
  /** Logged by an invocation: lines of Lambda, of the function and of metrics, and the gateway's access log. */
  logBytes: 1500,
  /** Parameters read from the Parameter Store, per invocation. */
  parameterReads: 0.05,
};

/** Bytes in the database: a message of 200 characters, a closed conversation with a subject of 50. A test measures them. */
export const STORED = { message: 533, conversation: 512 };

export type Shape = typeof TYPICAL;

/** How often an otherwise silent client pings; the gateway hangs up after ten minutes. */
const PING_MINUTES = 5;

/** The JSON around a message's text, ids and times. */
const ENVELOPE_BYTES = 400;

/** A request and the people in it, as JSON. */
const HTTP_BYTES = 1000;

export interface Load {
  readonly httpRequests: number;
  readonly connects: number;
  /** Frames clients send. */
  readonly framesIn: number;
  readonly pings: number;
  /** Frames posted to connections. */
  readonly posts: number;
  /** Runs of a function. */
  readonly invocations: number;
  readonly bytesOut: number;
}

/**
 * Counts the load of one conversation. Everybody signs in. The candidate opens the conversation; a supervisor lists and
 * assigns. All connect, join, talk, keep the connection open and get the close. The candidate reads the transcript.
 */
export function loadOf({ messages, participants, minutes, bytes }: Shape): Load {
  const signIns = participants;
  const [create, list, assign, transcript] = [1, 1, 1, 1];
  const httpRequests = signIns + create + list + assign + transcript;

  const joins = participants;
  const pings = participants * Math.floor(minutes / PING_MINUTES);
  const close = 1;
  const framesIn = joins + messages + pings + close;

  const accepted = messages;
  const newMessages = messages * participants;
  const [assigned, closed] = [participants, participants];
  const posts = joins + accepted + newMessages + assigned + closed + pings;

  const connects = participants;
  const disconnects = participants;
  return {
    httpRequests,
    connects,
    framesIn,
    pings,
    posts,
    invocations: httpRequests + connects + framesIn + disconnects,
    bytesOut:
      posts * ENVELOPE_BYTES + newMessages * bytes + httpRequests * HTTP_BYTES + messages * (ENVELOPE_BYTES + bytes),
  };
}
