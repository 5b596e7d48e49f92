// Written by `npm run docs` from lib/protocol. Change that, not this file.

export interface AgentFigures {
  id: string;
  name: string;
  closedConversations: number;
  ratings: RatingFigures;
}

export interface AnalyticsTotals {
  supervisors: number;
  agents: number;
  closedConversations: number;
}

/** There will be more. */
export type AuditAction = 'registered' | 'signed_in' | 'sign_in_failed' | 'attempts_throttled' | 'signed_out' | 'password_changed' | 'password_change_failed' | 'password_reset' | 'password_reset_made' | 'refresh_token_repeated' | 'refresh_token_reused' | 'sessions_displaced' | 'first_admin_created' | 'user_created' | 'user_updated' | 'user_erased' | 'visitor_merged' | 'conversation_assigned' | 'conversation_requeued' | 'conversation_moved' | 'conversation_closed' | 'conversation_edited' | 'agent_sent_away' | 'capacity_set' | 'routing_set';

export interface AuditEntry {
  id: string;
  at: string;
  action: AuditAction;
  actorId: string | null;
  actorRole: Role | null;
  sourceIp: string | null;
  /** The user or conversation it was done to. */
  targetId: string | null;
  details: Record<string, string>;
}

/** An available agent of an automatic team is given conversations. */
export type Availability = 'available' | 'away';

export type ChangeReason = 'opened' | 'assigned' | 'requeued' | 'moved' | 'closed' | 'edited';

export interface Conversation {
  id: string;
  subject: string;
  status: ConversationStatus;
  candidateId: string;
  agentId: string | null;
  supervisorId: string | null;
  lastSeq: number;
  createdAt: string;
  assignedAt: string | null;
  firstResponseAt: string | null;
  closedAt: string | null;
  closedBy: string | null;
  candidate: Person;
  agent: Person | null;
  lastMessageAt: string | null;
  /** Grows with every change of the conversation but a message. Drop what is older than what you have. */
  revision: number;
}

/** `open` → `assigned` → `closed`; a requeued one is `open` again. */
export type ConversationStatus = 'open' | 'assigned' | 'closed';

/** The candidate, with their address; `null` for an erased one, and for one who came without. */
export interface Customer {
  id: string;
  name: string;
  email: string | null;
}

export interface DayFigures {
  /** A day of the time zone. */
  date: string;
  /** `null` for a supervisor: open ones belong to no team. */
  opened: number | null;
  /** With an agent, as the ratings and the median times: one that was closed while it was open counts for none. */
  closed: number;
  /** Within 1 %. */
  medianFirstResponseSeconds: number | null;
  /** Within 1 %. */
  medianResolutionSeconds: number | null;
  ratings: RatingFigures;
}

export interface Desk {
  /** Whether any agent is available. */
  open: boolean;
}

export interface FieldError {
  pointer: string;
  detail: string;
}

export interface Health {
  status: "ok";
  version: string;
}

export interface HeldConversation {
  id: string;
  subject: string;
  status: ConversationStatus;
  candidateId: string;
  agentId: string | null;
  supervisorId: string | null;
  lastSeq: number;
  createdAt: string;
  assignedAt: string | null;
  firstResponseAt: string | null;
  closedAt: string | null;
  closedBy: string | null;
  candidate: Customer;
  agent: Person | null;
  lastMessageAt: string | null;
  /** Grows with every change of the conversation but a message. Drop what is older than what you have. */
  revision: number;
  priority: Priority;
  tags: string[];
  /** How often it went back to the queue. */
  requeues: number;
  /** What the customer's client said of itself. Not to be trusted. */
  context: Record<string, string> | null;
  rating: Rating | null;
  /** How many messages of the other side its candidate, or its agent, has not read; `null` for everybody else. */
  unread: number | null;
}

/** An agent gets a `StaffConversation`, a candidate a `Conversation`. */
export type JoinedConversation = StaffConversation | Conversation;

export interface Message {
  id: string;
  conversationId: string;
  seq: number;
  senderId: string;
  senderRole: Role;
  /** As it was when this was sent; "Erased" once they are. */
  senderName: string;
  content: string;
  clientMessageId: string | null;
  sentAt: string;
}

export interface Note {
  id: string;
  conversationId: string;
  authorId: string;
  /** As it was when this was noted. */
  authorName: string;
  content: string;
  clientNoteId: string | null;
  createdAt: string;
}

export interface OwnConversation {
  id: string;
  subject: string;
  status: ConversationStatus;
  candidateId: string;
  agentId: string | null;
  supervisorId: string | null;
  lastSeq: number;
  createdAt: string;
  assignedAt: string | null;
  firstResponseAt: string | null;
  closedAt: string | null;
  closedBy: string | null;
  candidate: Person;
  agent: Person | null;
  lastMessageAt: string | null;
  /** Grows with every change of the conversation but a message. Drop what is older than what you have. */
  revision: number;
  /** How many messages of the other side its candidate, or its agent, has not read; `null` for everybody else. */
  unread: number | null;
  rating: Rating | null;
}

export interface PasswordReset {
  /** The link, with the token in its fragment. It works once; using one ends all links of the user. */
  url: string;
  expiresAt: string;
}

/** Somebody in a conversation, by the name they have now; "Erased" once they are. */
export interface Person {
  id: string;
  name: string;
}

export type Priority = 'low' | 'normal' | 'high' | 'urgent';

export interface Rating {
  score: number;
  comment: string | null;
  ratedAt: string;
}

export interface RatingFigures {
  count: number;
  /** To two places; `null` where there is none. */
  mean: number | null;
}

export interface ReadMark {
  conversationId: string;
  userId: string;
  seq: number;
  readAt: string;
}

export interface Reply {
  id: string;
  shortcut: string;
  title: string;
  content: string;
  scope: ReplyScope;
  createdAt: string;
}

/** `own` by anyone on the staff, `team` by its supervisor, `all` by an admin. A reply's scope stays. */
export type ReplyScope = 'own' | 'team' | 'all';

/** A candidate is the customer. */
export type Role = 'admin' | 'supervisor' | 'agent' | 'candidate';

export interface Routing {
  mode: RoutingMode;
  /** How long an agent may be absent before what they hold is requeued, in automatic mode; `null` for ever. */
  requeueAfterSeconds: number | null;
  /** How long an agent may take to say a first word before it is requeued, in automatic mode; `null` for ever. */
  answerWithinSeconds: number | null;
}

export type RoutingMode = 'manual' | 'automatic';

/** The staff get a `HeldConversation`, a candidate an `OwnConversation`. */
export type SeenConversation = HeldConversation | OwnConversation;

export interface Session {
  user: User;
  accessToken: string;
  refreshToken: string;
  tokenType: "Bearer";
  /** Seconds until the access token expires. */
  expiresIn: number;
}

/** There will be more. */
export type SocketErrorCode = 'MALFORMED_JSON' | 'VALIDATION_FAILED' | 'INVALID_TOKEN' | 'FORBIDDEN' | 'NOT_FOUND' | 'CONVERSATION_CLOSED' | 'CONFLICT' | 'PAYLOAD_TOO_LARGE' | 'RATE_LIMITED' | 'UNKNOWN_EVENT' | 'NOT_JOINED' | 'TOO_MANY_CONNECTIONS' | 'OUT_OF_ORDER' | 'INTERNAL' | 'UNAVAILABLE';

export interface StaffConversation {
  id: string;
  subject: string;
  status: ConversationStatus;
  candidateId: string;
  agentId: string | null;
  supervisorId: string | null;
  lastSeq: number;
  createdAt: string;
  assignedAt: string | null;
  firstResponseAt: string | null;
  closedAt: string | null;
  closedBy: string | null;
  candidate: Customer;
  agent: Person | null;
  lastMessageAt: string | null;
  /** Grows with every change of the conversation but a message. Drop what is older than what you have. */
  revision: number;
  priority: Priority;
  tags: string[];
  /** How often it went back to the queue. */
  requeues: number;
  /** What the customer's client said of itself. Not to be trusted. */
  context: Record<string, string> | null;
  rating: Rating | null;
}

export type StaffRole = 'admin' | 'supervisor' | 'agent';

export interface SupervisorAnalytics {
  from: string | null;
  to: string | null;
  supervisors: SupervisorFigures[];
  totals: AnalyticsTotals;
}

export interface SupervisorFigures {
  supervisor: SupervisorPerson;
  /** Active agents under this supervisor now. */
  agentCount: number;
  closedConversations: number;
  /** Exact where the period has at most 1,000 closed conversations in all, else within 1 %. */
  medianFirstResponseSeconds: number | null;
  /** Exact where the period has at most 1,000 closed conversations in all, else within 1 %. */
  medianResolutionSeconds: number | null;
  ratings: RatingFigures;
  agents: AgentFigures[];
}

export interface SupervisorPerson {
  id: string;
  name: string;
  email: string;
}

export interface Timeline {
  days: DayFigures[];
}

export interface Transcript {
  conversation: Conversation;
  messages: Message[];
}

export interface User {
  id: string;
  name: string;
  /** `null` for an erased user, and for a customer who came without one. */
  email: string | null;
  role: Role;
  supervisorId: string | null;
  active: boolean;
  createdAt: string;
  /** The capacity of an agent; `null` for others. */
  maxConversations: number | null;
  /** Of an agent; `null` for others. */
  availability: Availability | null;
}

/** Every code with which the service refuses. There will be more. */
export type ErrorCode = 'MALFORMED_JSON' | 'VALIDATION_FAILED' | 'INVALID_CREDENTIALS' | 'INVALID_TOKEN' | 'FORBIDDEN' | 'NOT_FOUND' | 'NOT_CONFIGURED' | 'EMAIL_TAKEN' | 'LAST_ADMIN' | 'HAS_TEAM' | 'CONVERSATION_CLOSED' | 'CONVERSATION_ASSIGNED' | 'CONFLICT' | 'ALREADY_RATED' | 'SHORTCUT_TAKEN' | 'AGENT_NOT_AVAILABLE' | 'PAYLOAD_TOO_LARGE' | 'UNSUPPORTED_MEDIA_TYPE' | 'RATE_LIMITED' | 'UNKNOWN_EVENT' | 'NOT_JOINED' | 'TOO_MANY_CONNECTIONS' | 'OUT_OF_ORDER' | 'INTERNAL' | 'UNAVAILABLE';

/** What each operation of the HTTP API takes. */
export interface Requests {
  /** Register as a candidate and sign in. */
  register: {
    readonly body: {
      /** One line with something to see in it: no line breaks, control characters or bidirectional overrides. */
      name: string;
      /** What RFC 5321 and browsers both take for an e-mail address. Compared without regard to case. */
      email: string;
      password: string;
    };
  };
  /** Sign in. */
  login: {
    readonly body: {
      /** What RFC 5321 and browsers both take for an e-mail address. Compared without regard to case. */
      email: string;
      password: string;
    };
  };
  /** Sign in a customer whom the company vouches for, by a token of the company’s. */
  exchangeIdentity: {
    readonly body: {
      /** A JWT of the company’s backend: HS256, `kid`, `aud` "live-support-identity", `sub`, `iat`, `exp` at most an hour after `iat`; optional `name` and `email`. */
      token: string;
      /** The access token of a visitor, whose conversations become the customer’s. Ignored where it is not one of a signed-in visitor. */
      visitorToken?: string | undefined;
    };
  };
  /** Sign in as a visitor: a candidate without address or password. */
  createVisitor: {
    readonly body: {
      /** One line with something to see in it: no line breaks, control characters or bidirectional overrides. */
      name?: string | undefined;
    };
  };
  /** Trade a refresh token for two new tokens. A repeat within 30 seconds gets the same ones; later reuse ends the session. */
  refreshSession: {
    readonly body: {
      refreshToken: string;
    };
  };
  /** End this session: its refresh token, its access tokens and its sockets. */
  logout: Record<never, never>;
  /** Who am I? */
  getMe: Record<never, never>;
  /** Change the password and end the other sessions. */
  changePassword: {
    readonly body: {
      currentPassword: string;
      newPassword: string;
    };
  };
  /** Have a link mailed by which one sets a new password. The answer is the same whoever it is. */
  forgotPassword: {
    readonly body: {
      /** What RFC 5321 and browsers both take for an e-mail address. Compared without regard to case. */
      email: string;
    };
  };
  /** Set a new password by the token of a link. All sessions end, and failed sign-ins are forgotten. */
  resetPassword: {
    readonly body: {
      token: string;
      newPassword: string;
    };
  };
  /** Make a supervisor, an agent or an admin. */
  createUser: {
    readonly body: {
      /** One line with something to see in it: no line breaks, control characters or bidirectional overrides. */
      name: string;
      /** What RFC 5321 and browsers both take for an e-mail address. Compared without regard to case. */
      email: string;
      password: string;
      role: StaffRole;
      supervisorId?: string | undefined;
    };
  };
  /** List people; a supervisor sees their own agents. */
  listUsers: {
    readonly query?: {
      readonly role?: Role | undefined;
      readonly supervisorId?: string | undefined;
      readonly active?: boolean | undefined;
      readonly limit?: number | undefined;
      /** The `nextCursor` of the page before. */
      readonly cursor?: string | undefined;
    };
  };
  /** Read one person. */
  getUser: {
    readonly params: {
      readonly userId: string;
    };
  };
  /** Rename, give another address, move to another supervisor, deactivate or reactivate; `active: true` also lifts a block on signing in. */
  updateUser: {
    readonly params: {
      readonly userId: string;
    };
    readonly body: {
      /** One line with something to see in it: no line breaks, control characters or bidirectional overrides. */
      name?: string | undefined;
      /** What RFC 5321 and browsers both take for an e-mail address. Compared without regard to case. */
      email?: string | undefined;
      supervisorId?: string | undefined;
      active?: boolean | undefined;
    };
  };
  /** Erase a candidate: their personal data and the text of their conversations are gone for good. */
  eraseUser: {
    readonly params: {
      readonly userId: string;
    };
  };
  /** Make a link by which somebody sets a new password, to hand over by other means than mail. */
  createPasswordReset: {
    readonly params: {
      readonly userId: string;
    };
  };
  /** Send away an agent of yours who forgot to go. A renewal does not undo it. */
  sendAway: {
    readonly params: {
      readonly userId: string;
    };
    readonly body: {
      status: "away";
    };
  };
  /** Say how many conversations an agent may be given automatically. Takes nothing away. */
  setCapacity: {
    readonly params: {
      readonly userId: string;
    };
    readonly body: {
      /** How many conversations an agent may be given automatically. By hand it may be exceeded. */
      maxConversations: number;
    };
  };
  /** Open a conversation; `message` becomes its first message. */
  createConversation: {
    readonly body: {
      /** One line with something to see in it: no line breaks, control characters or bidirectional overrides. */
      subject: string;
      /** Has something to see in it: more than white space and invisible characters. Stored verbatim, never interpreted. */
      message?: string | undefined;
      /** The page, the order, the version: for the staff to read. Not to be trusted. */
      context?: Record<string, string> | undefined;
      /** Chosen by the candidate; the same one again opens nothing more and is answered with the first one. */
      clientConversationId?: string | undefined;
    };
  };
  /** List the conversations you may see, newest first. */
  listConversations: {
    readonly query?: {
      readonly status?: ConversationStatus | undefined;
      readonly agentId?: string | undefined;
      readonly supervisorId?: string | undefined;
      readonly candidateId?: string | undefined;
      /** For the staff only. */
      readonly tag?: string | undefined;
      readonly limit?: number | undefined;
      /** The `nextCursor` of the page before. */
      readonly cursor?: string | undefined;
    };
  };
  /** Read one conversation. */
  getConversation: {
    readonly params: {
      readonly conversationId: string;
    };
  };
  /** Read messages after `afterSeq`, oldest first; the same before, during and after archiving. */
  listMessages: {
    readonly params: {
      readonly conversationId: string;
    };
    readonly query?: {
      readonly afterSeq?: number | undefined;
      readonly limit?: number | undefined;
    };
  };
  /** Assign to an agent of yours, or give it to another one. Again to the same one changes nothing. */
  assignConversation: {
    readonly params: {
      readonly conversationId: string;
    };
    readonly body: {
      agentId: string;
    };
  };
  /** Give it back: it is open again, and its agent out of the room. */
  requeueConversation: {
    readonly params: {
      readonly conversationId: string;
    };
  };
  /** Close: the assigned agent, or a supervisor while it is open. */
  closeConversation: {
    readonly params: {
      readonly conversationId: string;
    };
  };
  /** Get all that was said, as a file: text, or JSON. */
  getTranscript: {
    readonly params: {
      readonly conversationId: string;
    };
    readonly query?: {
      readonly format?: 'text' | 'json' | undefined;
    };
  };
  /** Say up to where you have read: never back, never beyond the last message. */
  markRead: {
    readonly params: {
      readonly conversationId: string;
    };
    readonly body: {
      seq: number;
    };
  };
  /** Give it another priority or other tags: its agent, its supervisor (any, while it is open), an admin. */
  editConversation: {
    readonly params: {
      readonly conversationId: string;
    };
    readonly body: {
      priority?: Priority | undefined;
      addTags?: string[] | undefined;
      removeTags?: string[] | undefined;
    };
  };
  /** Read what the staff have noted, oldest first. */
  listNotes: {
    readonly params: {
      readonly conversationId: string;
    };
    readonly query?: {
      readonly limit?: number | undefined;
      /** The `nextCursor` of the page before. */
      readonly cursor?: string | undefined;
    };
  };
  /** Note something for the staff: its agent, its supervisor (any, while it is open), an admin. */
  addNote: {
    readonly params: {
      readonly conversationId: string;
    };
    readonly body: {
      /** Has something to see in it: more than white space and invisible characters. Stored verbatim, never interpreted. */
      content: string;
      /** Chosen by the author; the same one again notes nothing more. */
      clientNoteId?: string | undefined;
    };
  };
  /** Say how it went: its candidate, within 14 days of the close, once. */
  rateConversation: {
    readonly params: {
      readonly conversationId: string;
    };
    readonly body: {
      score: number;
      comment?: string | undefined;
    };
  };
  /** List the canned replies you may use: your own, your team's, and those for all. */
  listReplies: {
    readonly query?: {
      readonly limit?: number | undefined;
      /** The `nextCursor` of the page before. */
      readonly cursor?: string | undefined;
    };
  };
  /** Make a canned reply. */
  createReply: {
    readonly body: {
      /** What is typed to find it. One of a kind within its scope. */
      shortcut: string;
      /** One line with something to see in it: no line breaks, control characters or bidirectional overrides. */
      title: string;
      /** Has something to see in it: more than white space and invisible characters. Stored verbatim, never interpreted. */
      content: string;
      scope: ReplyScope;
    };
  };
  /** Change a canned reply that is yours to change. */
  updateReply: {
    readonly params: {
      readonly replyId: string;
    };
    readonly body: {
      /** What is typed to find it. One of a kind within its scope. */
      shortcut?: string | undefined;
      /** One line with something to see in it: no line breaks, control characters or bidirectional overrides. */
      title?: string | undefined;
      /** Has something to see in it: more than white space and invisible characters. Stored verbatim, never interpreted. */
      content?: string | undefined;
    };
  };
  /** Delete a canned reply that is yours to change. */
  deleteReply: {
    readonly params: {
      readonly replyId: string;
    };
  };
  /** Read how your team gets its conversations. */
  getRouting: Record<never, never>;
  /** Say how your team gets its conversations. */
  setRouting: {
    readonly body: {
      mode: RoutingMode;
      /** How long an agent may be absent before what they hold is requeued, in automatic mode; `null` for ever. */
      requeueAfterSeconds: number | null;
      /** How long an agent may take to say a first word before it is requeued, in automatic mode; `null` for ever. */
      answerWithinSeconds: number | null;
    };
  };
  /** Ask whether anybody is available; the answer may be 30 seconds old. */
  getDesk: Record<never, never>;
  /** Closed conversations per supervisor and agent, with median times. */
  supervisorAnalytics: {
    readonly query?: {
      /** At most 366 days after `from`. Every day that has begun by then is whole. */
      readonly from?: Date | string | undefined;
      /** At most 366 days after `from`. Every day that has begun by then is whole. */
      readonly to?: Date | string | undefined;
    };
  };
  /** Day by day: opened, closed, median times and ratings; a supervisor sees their own team. */
  timeline: {
    readonly query: {
      /** At most 366 days after `from`. Every day that has begun by then is whole. */
      readonly from: Date | string;
      /** At most 366 days after `from`. Every day that has begun by then is whole. */
      readonly to: Date | string;
      /** Of the IANA database. */
      readonly timeZone?: string | undefined;
    };
  };
  /** Who did what to whom, when and from where; newest first. */
  listAudit: {
    readonly query?: {
      readonly action?: AuditAction | undefined;
      readonly actorId?: string | undefined;
      readonly targetId?: string | undefined;
      readonly limit?: number | undefined;
      /** The `nextCursor` of the page before. */
      readonly cursor?: string | undefined;
    };
  };
  /** Is the service up, and its database within reach? */
  health: Record<never, never>;
}

/** What each operation of the HTTP API answers with success; `undefined` where the answer has no body. */
export interface Answers {
  register: Session;
  login: Session;
  exchangeIdentity: Session;
  createVisitor: Session;
  refreshSession: Session;
  logout: undefined;
  getMe: User;
  changePassword: undefined;
  forgotPassword: undefined;
  resetPassword: undefined;
  createUser: User;
  listUsers: {
    items: User[];
    nextCursor: string | null;
  };
  getUser: User;
  updateUser: User;
  eraseUser: User;
  createPasswordReset: PasswordReset;
  sendAway: User;
  setCapacity: User;
  createConversation: OwnConversation;
  listConversations: {
    items: SeenConversation[];
    nextCursor: string | null;
  };
  getConversation: SeenConversation;
  listMessages: {
    items: Message[];
    nextAfterSeq: number | null;
  };
  assignConversation: HeldConversation;
  requeueConversation: HeldConversation;
  closeConversation: HeldConversation;
  getTranscript: Transcript | string;
  markRead: ReadMark;
  editConversation: HeldConversation;
  listNotes: {
    items: Note[];
    nextCursor: string | null;
  };
  addNote: Note;
  rateConversation: Rating;
  listReplies: {
    items: Reply[];
    nextCursor: string | null;
  };
  createReply: Reply;
  updateReply: Reply;
  deleteReply: undefined;
  getRouting: Routing;
  setRouting: Routing;
  getDesk: Desk;
  supervisorAnalytics: SupervisorAnalytics;
  timeline: Timeline;
  listAudit: {
    items: AuditEntry[];
    nextCursor: string | null;
  };
  health: Health;
}

/** The name of an operation of the HTTP API. */
export type OperationName = keyof Requests;

/** What each client event carries, and what answers it, except `ERROR`. */
export interface ClientEvents {
  /** Enter the room and get the messages after `afterSeq`. */
  JOIN_CONVERSATION: { data: {
      conversationId: string;
      afterSeq?: number | undefined;
    }; answer: ServerEvents['CONVERSATION_JOINED'] };
  /** Say something in a room this connection has joined. */
  SEND_MESSAGE: { data: {
      conversationId: string;
      /** Has something to see in it: more than white space and invisible characters. Stored verbatim, never interpreted. */
      content: string;
      /** Chosen by the sender; sending the same one again stores nothing more. */
      clientMessageId?: string | undefined;
      /** The `clientMessageId` of a message of the same sender and conversation that is to be stored first. It is waited for, 3 s at most. */
      after?: string | undefined;
    }; answer: ServerEvents['MESSAGE_ACCEPTED'] };
  /** Leave the room. */
  LEAVE_CONVERSATION: { data: {
      conversationId: string;
    }; answer: ServerEvents['CONVERSATION_LEFT'] };
  /** Close the conversation; its assigned agent only, joined or not. */
  CLOSE_CONVERSATION: { data: {
      conversationId: string;
      /** The `clientMessageId` of a message of the same sender and conversation that is to be stored first. It is waited for, 3 s at most. */
      after?: string | undefined;
    }; answer: ServerEvents['CONVERSATION_CLOSED'] };
  /** Say that you are typing, or not any more. Too many are dropped in silence. */
  TYPING: { data: {
      conversationId: string;
      typing: boolean;
    }; answer: undefined };
  /** Say up to where you have read, joined or not: never back, never beyond the last message. */
  MARK_READ: { data: {
      conversationId: string;
      seq: number;
    }; answer: ServerEvents['MESSAGES_READ'] };
  /** Be told of the queue as it changes, and get what waits: the most urgent first, then the oldest. */
  WATCH_QUEUE: { data: {
      /** The `nextCursor` of the page before. */
      cursor?: string | undefined;
    }; answer: ServerEvents['QUEUE_WATCHED'] };
  /** Be told of the queue no more. */
  UNWATCH_QUEUE: { data: Record<string, never>; answer: ServerEvents['QUEUE_UNWATCHED'] };
  /** Be available for 150 seconds, or away. `renew: true` only extends: send it each minute. */
  SET_AVAILABILITY: { data: {
      status: Availability;
      renew?: boolean | undefined;
    }; answer: ServerEvents['AVAILABILITY_SET'] };
  /** Keep the connection from being idle. */
  PING: { data: Record<string, never>; answer: ServerEvents['PONG'] };
}

/** What each server event carries. */
export interface ServerEvents {
  CONVERSATION_JOINED: {
    conversation: JoinedConversation;
    /** Up to where the candidate and the present agent have read, by their ids. */
    readSeqs: Record<string, number>;
    /** Who is in the room now. */
    present: string[];
    messages: Message[];
    nextAfterSeq: number | null;
  };
  MESSAGE_ACCEPTED: {
    conversationId: string;
    messageId: string;
    seq: number;
    clientMessageId: string | null;
    sentAt: string;
    duplicate: boolean;
  };
  NEW_MESSAGE: Message;
  CONVERSATION_LEFT: {
    conversationId: string;
  };
  CONVERSATION_ASSIGNED: {
    conversation: Conversation;
  };
  CONVERSATION_REQUEUED: {
    conversation: Conversation;
  };
  CONVERSATION_CLOSED: {
    conversationId: string;
    closedAt: string;
    closedBy: string;
    lastSeq: number;
  };
  TYPING: {
    conversationId: string;
    userId: string;
    typing: boolean;
  };
  MESSAGES_READ: {
    conversationId: string;
    userId: string;
    seq: number;
    readAt: string;
  };
  PARTICIPANT_JOINED: {
    conversationId: string;
    userId: string;
  };
  PARTICIPANT_LEFT: {
    conversationId: string;
    userId: string;
  };
  QUEUE_WATCHED: {
    conversations: StaffConversation[];
    nextCursor: string | null;
  };
  QUEUE_UNWATCHED: Record<string, never>;
  QUEUE_CHANGED: {
    conversation: StaffConversation;
    reason: ChangeReason;
  };
  QUEUE_REMOVED: {
    conversationId: string;
    revision: number;
  };
  QUEUE_STALE: Record<string, never>;
  NOTE_ADDED: {
    note: Note;
  };
  AGENT_CHANGED: {
    user: User;
  };
  AVAILABILITY_SET: {
    status: Availability;
    /** When it ends without a renewal, by the service's clock; `null` when away. */
    until: string | null;
  };
  PONG: Record<string, never>;
  ERROR: {
    code: SocketErrorCode;
    message: string;
    event: string | null;
    errors?: FieldError[] | undefined;
    /** Seconds to wait: with `RATE_LIMITED` and `UNAVAILABLE`. */
    retryAfter?: number | undefined;
  };
}

export type ClientEventName = keyof ClientEvents;
export type ServerEventName = keyof ServerEvents;

/** One frame from the service. A direct answer has the `requestId` of the client's frame. */
export type ServerFrame = { [N in ServerEventName]: { event: N; data: ServerEvents[N]; requestId?: string } }[ServerEventName];

/** The subprotocol that is offered first, followed by the access token. */
export const SUBPROTOCOL = 'live-support.v1';

/**
 * Of each operation: method and path; whether a session is needed; whether it is safe to send again: always, never, or with
 * this field in its body.
 */
export const OPERATIONS: { readonly [N in OperationName]: readonly [string, 'anyone' | 'signedIn', boolean | string] } = {
  register: ['POST /auth/register', 'anyone', false],
  login: ['POST /auth/login', 'anyone', false],
  exchangeIdentity: ['POST /auth/exchange', 'anyone', false],
  createVisitor: ['POST /auth/visitor', 'anyone', false],
  refreshSession: ['POST /auth/refresh', 'anyone', false],
  logout: ['POST /auth/logout', 'signedIn', false],
  getMe: ['GET /auth/me', 'signedIn', true],
  changePassword: ['PUT /auth/password', 'signedIn', true],
  forgotPassword: ['POST /auth/password/forgot', 'anyone', false],
  resetPassword: ['POST /auth/password/reset', 'anyone', false],
  createUser: ['POST /users', 'signedIn', false],
  listUsers: ['GET /users', 'signedIn', true],
  getUser: ['GET /users/{userId}', 'signedIn', true],
  updateUser: ['PATCH /users/{userId}', 'signedIn', false],
  eraseUser: ['POST /users/{userId}/erase', 'signedIn', true],
  createPasswordReset: ['POST /users/{userId}/password-reset', 'signedIn', false],
  sendAway: ['PUT /users/{userId}/availability', 'signedIn', false],
  setCapacity: ['PUT /users/{userId}/capacity', 'signedIn', false],
  createConversation: ['POST /conversations', 'signedIn', 'clientConversationId'],
  listConversations: ['GET /conversations', 'signedIn', true],
  getConversation: ['GET /conversations/{conversationId}', 'signedIn', true],
  listMessages: ['GET /conversations/{conversationId}/messages', 'signedIn', true],
  assignConversation: ['POST /conversations/{conversationId}/assign', 'signedIn', false],
  requeueConversation: ['POST /conversations/{conversationId}/requeue', 'signedIn', false],
  closeConversation: ['POST /conversations/{conversationId}/close', 'signedIn', false],
  getTranscript: ['GET /conversations/{conversationId}/transcript', 'signedIn', true],
  markRead: ['PUT /conversations/{conversationId}/read', 'signedIn', true],
  editConversation: ['PATCH /conversations/{conversationId}', 'signedIn', false],
  listNotes: ['GET /conversations/{conversationId}/notes', 'signedIn', true],
  addNote: ['POST /conversations/{conversationId}/notes', 'signedIn', 'clientNoteId'],
  rateConversation: ['PUT /conversations/{conversationId}/rating', 'signedIn', true],
  listReplies: ['GET /replies', 'signedIn', true],
  createReply: ['POST /replies', 'signedIn', false],
  updateReply: ['PATCH /replies/{replyId}', 'signedIn', false],
  deleteReply: ['DELETE /replies/{replyId}', 'signedIn', false],
  getRouting: ['GET /routing', 'signedIn', true],
  setRouting: ['PUT /routing', 'signedIn', true],
  getDesk: ['GET /desk', 'anyone', true],
  supervisorAnalytics: ['GET /analytics/supervisors', 'signedIn', true],
  timeline: ['GET /analytics/timeline', 'signedIn', true],
  listAudit: ['GET /audit', 'signedIn', true],
  health: ['GET /health', 'anyone', true],
};

/** The client events that are safe to send again: always, never, or with this field in their data. */
export const SAFE_EVENTS: { readonly [N in ClientEventName]: boolean | string } = {
  JOIN_CONVERSATION: true,
  SEND_MESSAGE: 'clientMessageId',
  LEAVE_CONVERSATION: false,
  CLOSE_CONVERSATION: false,
  TYPING: true,
  MARK_READ: true,
  WATCH_QUEUE: true,
  UNWATCH_QUEUE: true,
  SET_AVAILABILITY: 'renew',
  PING: true,
};
