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
  /** Times that a client says, per message, that somebody types: every three seconds. 0 where `TYPING` is off. */
  typing: 4,
  /** Times that a client says, per message, up to where somebody has read. */
  reads: 1,
  /** Supervisors and admins who watch the queue, and agents who are available: on each working day, all of it. */
  watchers: 1,
  agents: 2,
  /** Hours of a working day, and working days of a month. */
  hours: 8,
  days: 22,
  // ---
  /** Billed for an invocation, on average, with the starts of new instances. */
  milliseconds: 120,
  /** Logged by an invocation: lines of Lambda, of the function and of metrics, and the gateway's access log. */
  logBytes: 1500,
  /** Parameters read from the Parameter Store, per invocation. */
  parameterReads: 0.05,
};

/** Bytes in the database: a message of 200 characters, a closed conversation with a subject of 50. A test measures them. */
export const STORED = { message: 544, conversation: 531 };

export type Shape = typeof TYPICAL;

/**
 * How often the client package pings; the gateway hangs up after ten minutes. With each ping the client joins its rooms again, so
 * that a frame which got lost is not missed for longer.
 */
const PING_MINUTES = 4;

/** The JSON around a message's text, ids and times. */
const ENVELOPE_BYTES = 400;

/** A conversation as a watcher is told of it, as JSON. */
const QUEUE_BYTES = 800;

/** A request and the people in it, as JSON. */
const HTTP_BYTES = 1000;

/** Changes of a conversation that watchers are told of: opened, assigned, closed. The dispatcher runs for each. */
const CHANGES = 3;

/** How often an agent's client renews the lease. */
const RENEWALS_AN_HOUR = 60;
/** API Gateway ends a connection after two hours. */
const CONNECTION_HOURS = 2;

export interface Load {
  readonly httpRequests: number;
  readonly connects: number;
  /** Frames clients send. */
  readonly framesIn: number;
  readonly pings: number;
  /** Frames posted to connections. */
  readonly posts: number;
  /** Runs of the dispatcher, which no client waits for. */
  readonly dispatches: number;
  /** Runs of a function, the dispatcher's included. */
  readonly invocations: number;
  readonly bytesOut: number;
}

/**
 * Counts the load of one conversation. Everybody signs in. The candidate opens the conversation; a supervisor lists and
 * assigns. All connect, join, talk, type and read, keep the connection open and get the close. The candidate reads the transcript. Each change is
 * told to everybody who watches the queue: at most, for the close is told only to who may see it.
 */
export function loadOf({ messages, participants, minutes, bytes, typing, reads, watchers }: Shape): Load {
  const signIns = participants;
  const [create, list, assign, transcript] = [1, 1, 1, 1];
  const httpRequests = signIns + create + list + assign + transcript;

  const pings = participants * Math.floor(minutes / PING_MINUTES);
  const joins = participants + pings;
  const close = 1;
  const [typed, marked] = [messages * typing, messages * reads];
  const framesIn = joins + messages + typed + marked + pings + close;

  const accepted = messages;
  const newMessages = messages * participants;
  const [assigned, closed] = [participants, participants];
  const told = CHANGES * watchers;
  // Typing is told to the others and not answered; a mark is answered, and told to the others.
  const talk = typed * (participants - 1) + marked * participants;
  const posts = joins + accepted + newMessages + talk + assigned + closed + pings + told;

  const connects = participants;
  const disconnects = participants;
  return {
    httpRequests,
    connects,
    framesIn,
    pings,
    posts,
    dispatches: CHANGES,
    invocations: httpRequests + connects + framesIn + disconnects + CHANGES,
    bytesOut:
      posts * ENVELOPE_BYTES +
      told * (QUEUE_BYTES - ENVELOPE_BYTES) +
      newMessages * bytes +
      httpRequests * HTTP_BYTES +
      messages * (ENVELOPE_BYTES + bytes),
  };
}

/** How long one of these is connected in a month, in minutes. */
export const workingMinutes = ({ hours, days }: Shape): number => hours * 60 * days;

/**
 * Counts what the people of a desk cause in a month beside conversations. They connect and say that they watch or are available,
 * again whenever the gateway ends the connection; each time they sign in or trade their tokens. Agents renew their lease each minute,
 * watchers ping. An agent's coming and going is told to one supervisor; a day has so few that they are not counted.
 */
export function deskLoadOf(shape: Shape): Load {
  const { agents, watchers, hours, days } = shape;
  const people = agents + watchers;
  const connects = people * Math.ceil(hours / CONNECTION_HOURS) * days;
  const renewals = agents * RENEWALS_AN_HOUR * hours * days;
  const pings = Math.floor((watchers * workingMinutes(shape)) / PING_MINUTES);
  const framesIn = connects + renewals + pings;
  return {
    httpRequests: connects,
    connects,
    framesIn,
    pings,
    posts: framesIn,
    dispatches: 0,
    invocations: 3 * connects + framesIn,
    bytesOut: framesIn * ENVELOPE_BYTES + connects * HTTP_BYTES,
  };
}
