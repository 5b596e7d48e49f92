import type { Role } from './roles.ts';

/** `open` → `assigned` → `closed`, or `open` → `closed`; `assigned` → `open` when it is given back. Closed is final. */
export const CONVERSATION_STATUSES = ['open', 'assigned', 'closed'] as const;
export type ConversationStatus = (typeof CONVERSATION_STATUSES)[number];

/** The part of a conversation that its lifecycle depends on. */
export interface Lifecycle {
  readonly status: ConversationStatus;
  readonly agentId: string | null;
  readonly supervisorId: string | null;
}

export type LifecycleCommand =
  | { readonly type: 'assign'; readonly supervisorId: string; readonly agentId: string }
  | { readonly type: 'requeue'; readonly userId: string; readonly role: Role }
  /** The agent has another supervisor now, and takes along what they hold. */
  | { readonly type: 'move'; readonly agentId: string; readonly supervisorId: string }
  | { readonly type: 'close'; readonly userId: string; readonly role: Role }
  | { readonly type: 'send' };

export type Refusal = 'CONVERSATION_CLOSED' | 'CONVERSATION_ASSIGNED' | 'CONFLICT' | 'NOT_FOUND' | 'FORBIDDEN';

export type Decision =
  | { readonly allowed: true; readonly next: Lifecycle }
  | { readonly allowed: false; readonly refusal: Refusal };

/** The most conversations an agent can be given by hand at once. */
export const MOST_ASSIGNED = 200;

const refuse = (refusal: Refusal): Decision => ({ allowed: false, refusal });
const allow = (next: Lifecycle): Decision => ({ allowed: true, next });

/**
 * Decides whether a command may change a conversation, and into what. The caller writes the change on condition that the
 * conversation is still as it was. Two writes are not decided here: a send, whose write has these conditions in its filter
 * (`takeSeq`), and the close of a conversation whose candidate is erased, which nobody may refuse.
 */
export function decide(now: Lifecycle, command: LifecycleCommand): Decision {
  if (now.status === 'closed') return refuse('CONVERSATION_CLOSED');
  switch (command.type) {
    case 'send':
      return allow(now);
    case 'assign': {
      if (now.status === 'assigned') {
        // Another supervisor's conversation is not the caller's to see. With the same agent, the command is repeated, or an equal one won.
        if (now.supervisorId !== command.supervisorId) return refuse('NOT_FOUND');
        if (now.agentId === command.agentId) return allow(now);
      }
      return allow({ status: 'assigned', agentId: command.agentId, supervisorId: command.supervisorId });
    }
    case 'requeue': {
      if (command.role === 'candidate') return refuse('FORBIDDEN');
      if (command.role === 'agent' && now.agentId !== command.userId) return refuse('NOT_FOUND');
      if (now.status === 'open') return refuse('CONFLICT');
      if (command.role === 'supervisor' && now.supervisorId !== command.userId) return refuse('NOT_FOUND');
      return allow({ status: 'open', agentId: null, supervisorId: null });
    }
    case 'move': {
      if (now.agentId !== command.agentId) return refuse('CONFLICT');
      return allow({ ...now, supervisorId: command.supervisorId });
    }
    case 'close': {
      if (command.role === 'supervisor') {
        if (now.status === 'assigned') {
          return refuse(now.supervisorId === command.userId ? 'CONVERSATION_ASSIGNED' : 'NOT_FOUND');
        }
      } else if (command.role === 'agent') {
        if (now.agentId !== command.userId) return refuse('NOT_FOUND');
      } else {
        return refuse('FORBIDDEN');
      }
      return allow({ ...now, status: 'closed' });
    }
  }
}
