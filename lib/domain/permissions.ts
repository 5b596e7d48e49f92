import type { Role } from './roles.ts';

/**
 * Who may ever attempt an operation: `anyone` needs no token, `signedIn` any live session.
 * What of it they may touch is decided per object, by the rules below.
 */
export type Access = 'anyone' | 'signedIn' | readonly Role[];

/** One line per HTTP route and client event; nothing is reachable without a line here. */
export const PERMISSIONS = {
  register: 'anyone',
  login: 'anyone',
  refreshSession: 'anyone',
  logout: 'signedIn',
  getMe: 'signedIn',
  changePassword: 'signedIn',
  createUser: ['admin'],
  listUsers: ['admin', 'supervisor'],
  getUser: 'signedIn',
  updateUser: ['admin'],
  eraseUser: ['admin'],
  createConversation: ['candidate'],
  listConversations: 'signedIn',
  getConversation: 'signedIn',
  listMessages: 'signedIn',
  assignConversation: ['supervisor'],
  requeueConversation: ['admin', 'supervisor', 'agent'],
  closeConversation: ['supervisor', 'agent'],
  supervisorAnalytics: ['admin'],
  listAudit: ['admin'],
  health: 'anyone',
  JOIN_CONVERSATION: ['candidate', 'agent'],
  SEND_MESSAGE: ['candidate', 'agent'],
  LEAVE_CONVERSATION: ['candidate', 'agent'],
  CLOSE_CONVERSATION: ['agent'],
  PING: 'signedIn',
} as const satisfies Record<string, Access>;

export type Operation = keyof typeof PERMISSIONS;

/** Whether a caller of this role (`null`: not signed in) may attempt the operation at all. */
export function roleMay(operation: Operation, role: Role | null): boolean {
  const access: Access = PERMISSIONS[operation];
  if (access === 'anyone') return true;
  if (role === null) return false;
  return access === 'signedIn' || access.includes(role);
}

/** Who is asking. `supervisorId` is set for agents only. */
export interface Caller {
  readonly userId: string;
  readonly name: string;
  readonly role: Role;
  readonly supervisorId: string | null;
  readonly sessionId: string;
  /** Where the request came from, as the gateway or a trusted proxy in front of it saw it; a socket's, where it was opened from. */
  readonly sourceIp: string | null;
}

/** What the visibility rule needs to know of a conversation. */
export interface ConversationParties {
  readonly status: 'open' | 'assigned' | 'closed';
  readonly candidateId: string;
  readonly agentId: string | null;
  readonly supervisorId: string | null;
  readonly closedBy: string | null;
}

/**
 * A candidate sees their own, an agent those assigned to them, an admin all. A supervisor sees every open one,
 * those of their agents, and those they closed themselves while open (which have no agent).
 * `visibleConversations` in the store is the same rule as a query; a test holds the two together.
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

/** The two who talk in the room: the candidate and the assigned agent, nobody else. */
export function isParticipant(
  userId: string,
  it: { readonly candidateId: string; readonly agentId: string | null },
): boolean {
  return userId === it.candidateId || userId === it.agentId;
}

/** An admin sees everybody, a supervisor their own agents, and everybody themselves. */
export function maySeeUser(
  caller: Pick<Caller, 'userId' | 'role'>,
  user: { readonly id: string; readonly role: Role; readonly supervisorId: string | null },
): boolean {
  if (caller.role === 'admin' || user.id === caller.userId) return true;
  return caller.role === 'supervisor' && user.role === 'agent' && user.supervisorId === caller.userId;
}
