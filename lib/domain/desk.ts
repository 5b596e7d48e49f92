/** How much a conversation matters, the least first. A place in this list is how it is stored. */
export const PRIORITIES = ['low', 'normal', 'high', 'urgent'] as const;
export type Priority = (typeof PRIORITIES)[number];

export const DEFAULT_PRIORITY: Priority = 'normal';

/** Whether an agent may be given conversations automatically. */
export const AVAILABILITIES = ['available', 'away'] as const;
export type Availability = (typeof AVAILABILITIES)[number];

/** How many conversations an agent may be given automatically, where nobody has said otherwise. */
export const DEFAULT_CAPACITY = 5;
export const MOST_CAPACITY = 100;

/** How long an agent is available without a renewal. Clients renew each minute. */
export const LEASE_SECONDS = 150;

export const MOST_TAGS = 10;

/** How a team gets its conversations. `null` seconds mean never. */
export interface Routing {
  readonly mode: 'manual' | 'automatic';
  /** How long an agent may be absent before what they hold is requeued. */
  readonly requeueAfterSeconds: number | null;
  /** How long an agent may take to say a first word before the conversation is requeued. */
  readonly answerWithinSeconds: number | null;
}

export const ROUTING_MODES = ['manual', 'automatic'] as const;
export const DEFAULT_ROUTING: Routing = { mode: 'manual', requeueAfterSeconds: null, answerWithinSeconds: null };

/** Why a watcher of the queue is told of a conversation. */
export const CHANGE_REASONS = ['opened', 'assigned', 'requeued', 'moved', 'closed', 'edited'] as const;
export type ChangeReason = (typeof CHANGE_REASONS)[number];

/** A change of a conversation's priority and tags. Tags are removed first, then added. */
export interface Edit {
  readonly priority?: Priority | undefined;
  readonly addTags?: readonly string[] | undefined;
  readonly removeTags?: readonly string[] | undefined;
}

/** Returns the tags after an edit, each once, in the order in which they came. */
export function editTags(tags: readonly string[], { addTags = [], removeTags = [] }: Edit): string[] {
  const kept = tags.filter((tag) => !removeTags.includes(tag));
  return [...new Set([...kept, ...addTags])];
}
