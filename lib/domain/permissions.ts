import type { Role } from './roles.ts';

/**
 * Who may attempt an operation at all: `anyone` needs no token, `signedIn` needs a live session. The rules below decide
 * which objects a caller may touch.
 */
export type Access = 'anyone' | 'signedIn' | readonly Role[];

/** Every HTTP route and client event has a line here; without one it can't be reached. */
export const PERMISSIONS = {
  register: 'anyone',
  login: 'anyone',
  exchangeIdentity: 'anyone',
  createVisitor: 'anyone',
  refreshSession: 'anyone',
  logout: 'signedIn',
  getMe: 'signedIn',
  changePassword: 'signedIn',
  forgotPassword: 'anyone',
  resetPassword: 'anyone',
  createUser: ['admin'],
  listUsers: ['admin', 'supervisor'],
  getUser: 'signedIn',
  updateUser: ['admin'],
  eraseUser: ['admin'],
  createPasswordReset: ['admin'],
  sendAway: ['supervisor'],
  setCapacity: ['admin', 'supervisor'],
  createConversation: ['candidate'],
  listConversations: 'signedIn',
  getConversation: 'signedIn',
  listMessages: 'signedIn',
  assignConversation: ['supervisor'],
  requeueConversation: ['admin', 'supervisor', 'agent'],
  closeConversation: ['supervisor', 'agent'],
  getTranscript: 'signedIn',
  markRead: ['candidate', 'agent'],
  editConversation: ['admin', 'supervisor', 'agent'],
  listNotes: ['admin', 'supervisor', 'agent'],
  addNote: ['admin', 'supervisor', 'agent'],
  rateConversation: ['candidate'],
  listReplies: ['admin', 'supervisor', 'agent'],
  createReply: ['admin', 'supervisor', 'agent'],
  updateReply: ['admin', 'supervisor', 'agent'],
  deleteReply: ['admin', 'supervisor', 'agent'],
  getRouting: ['supervisor'],
  setRouting: ['supervisor'],
  getDesk: 'anyone',
  supervisorAnalytics: ['admin'],
  timeline: ['admin', 'supervisor'],
  listAudit: ['admin'],
  health: 'anyone',
  JOIN_CONVERSATION: ['candidate', 'agent'],
  SEND_MESSAGE: ['candidate', 'agent'],
  LEAVE_CONVERSATION: ['candidate', 'agent'],
  CLOSE_CONVERSATION: ['agent'],
  TYPING: ['candidate', 'agent'],
  MARK_READ: ['candidate', 'agent'],
  WATCH_QUEUE: ['admin', 'supervisor'],
  UNWATCH_QUEUE: ['admin', 'supervisor'],
  SET_AVAILABILITY: ['agent'],
  PING: 'signedIn',
} as const satisfies Record<string, Access>;

export type Operation = keyof typeof PERMISSIONS;

/** Whether a caller of this role may attempt the operation at all. `null` means not signed in. */
export function roleMay(operation: Operation, role: Role | null): boolean {
  const access: Access = PERMISSIONS[operation];
  if (access === 'anyone') return true;
  if (role === null) return false;
  return access === 'signedIn' || access.includes(role);
}

/** The person who sent a request or frame. `supervisorId` is set for agents only. */
export interface Caller {
  readonly userId: string;
  readonly name: string;
  readonly role: Role;
  readonly supervisorId: string | null;
  readonly sessionId: string;
  /** Where the request came from, as the gateway or a trusted proxy in front of it saw it; a socket's, where it was opened from. */
  readonly sourceIp: string | null;
  /** A visitor of whom nobody has said yet who they are. */
  readonly isVisitor?: true;
}

/** The part of a conversation that the visibility rule needs. */
export interface ConversationParties {
  readonly status: 'open' | 'assigned' | 'closed';
  readonly candidateId: string;
  readonly agentId: string | null;
  readonly supervisorId: string | null;
  readonly closedBy: string | null;
}

/**
 * Whether a caller may see a conversation. A candidate sees their own conversations, an agent those assigned to them,
 * an admin all. A supervisor sees every open one, those of their agents, and those they closed themselves while open
 * (which have no agent). `visibleConversations` in the store is the same rule as a query; a test compares the two.
 */
export function maySeeConversation(caller: Pick<Caller, 'userId' | 'role'>, it: ConversationParties): boolean {
  switch (caller.role) {
    case 'admin':
      return true;
    case 'supervisor':
      return it.status === 'open' || it.supervisorId === caller.userId || it.closedBy === caller.userId;
    case 'agent':
      return it.agentId === caller.userId;
    case 'candidate':
      return it.candidateId === caller.userId;
  }
}

/** Who uses a canned reply: its owner alone, a team, or everybody on the staff. */
export const REPLY_SCOPES = ['own', 'team', 'all'] as const;
export type ReplyScope = (typeof REPLY_SCOPES)[number];

/** Whether a caller may make, change and delete replies of this scope: their own, a supervisor their team's, an admin those for all. */
export const mayWriteReplies = ({ role }: Pick<Caller, 'role'>, scope: ReplyScope): boolean =>
  scope === 'own' || (scope === 'team' ? role === 'supervisor' : role === 'admin');

/**
 * Whether a caller may edit what the staff note of a conversation: its agent, its supervisor, while it is open every
 * supervisor, an admin; once it is closed too.
 */
export const mayEditConversation = (caller: Pick<Caller, 'userId' | 'role'>, it: ConversationParties): boolean =>
  caller.role !== 'candidate' && maySeeConversation(caller, it);

/** Whether a user takes part in a conversation: the candidate and the assigned agent do, nobody else. */
export function isParticipant(
  userId: string,
  it: { readonly candidateId: string; readonly agentId: string | null },
): boolean {
  return userId === it.candidateId || userId === it.agentId;
}

/**
 * Whether a caller may see a user. An admin sees everybody, a supervisor their own agents, and everybody themselves.
 */
export function maySeeUser(
  caller: Pick<Caller, 'userId' | 'role'>,
  user: { readonly id: string; readonly role: Role; readonly supervisorId: string | null },
): boolean {
  if (caller.role === 'admin' || user.id === caller.userId) return true;
  return caller.role === 'supervisor' && user.role === 'agent' && user.supervisorId === caller.userId;
}
