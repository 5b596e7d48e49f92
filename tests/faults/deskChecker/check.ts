import type { ServerData, ServerFrame } from '../../../lib/protocol/events.ts';
import {
  type AuditState,
  type Commit,
  type ConversationState,
  capacityOf,
  isAvailable,
  type Sighted,
  Standing,
  sees,
  type UserState,
} from './ledger.ts';

/** Somebody who watched the queue, on however many connections one after the other. */
export interface WatcherHistory extends Sighted {
  readonly frames: readonly ServerFrame[];
  /** What a client believes to be open that has watched once more when all was quiet, and merged whatever it was told since. */
  readonly believed: readonly string[];
}

/** All that happened at a desk, from a quiet moment to a quiet moment. */
export interface DeskHistory {
  readonly users: ReadonlyMap<string, UserState>;
  readonly conversations: ReadonlyMap<string, ConversationState>;
  readonly commits: readonly Commit[];
  readonly watchers: readonly WatcherHistory[];
  /** What each agent's record says in the end, and what a recount says. */
  readonly recounts: readonly { readonly agentId: string; readonly assignedCount: number; readonly counted: number }[];
  /** What was wrong already while it was played. */
  readonly complaints: readonly string[];
}

type Complain = (rule: string, detail: unknown) => void;

/** What a commit was, and how everything stood before and after it. */
interface Step {
  readonly commit: Commit;
  readonly before: Standing;
  readonly after: Standing;
}

/** Says what of a desk's history is against the contract: nothing, it is to be hoped. */
export function check(history: DeskHistory): string[] {
  const complaints = [...history.complaints];
  const complain: Complain = (rule, detail) => complaints.push(`${rule}: ${JSON.stringify(detail)}`);
  let standing = new Standing(history.users, history.conversations);
  for (const commit of history.commits) {
    const step = { commit, before: standing, after: standing.after(commit) };
    for (const rule of STEP_RULES) rule(step, complain);
    standing = step.after;
  }
  for (const rule of END_RULES) rule(history, standing, complain);
  return complaints;
}

const auditsOf = ({ writes }: Commit): AuditState[] =>
  writes.flatMap((write) => (write.of === 'audit' ? [write.after] : []));

const conversationsOf = ({ writes }: Commit): Set<string> =>
  new Set(writes.flatMap((write) => (write.of === 'conversations' ? [write.id] : [])));

type StepRule = (step: Step, complain: Complain) => void;

/** Invariant 11: who was given a conversation automatically might be given it at that moment, and had room. */
const givenWithinCapacity: StepRule = ({ commit, before, after }, complain) => {
  for (const { action, actorId, targetId, details } of auditsOf(commit)) {
    if (action !== 'conversation_assigned' || actorId !== null) continue;
    const { agentId = '' } = details;
    const what = { agentId, targetId };
    const [agent, now] = [before.users.get(agentId), after.users.get(agentId)];
    if (!agent || !now) {
      complain('given to nobody there is', what);
      continue;
    }
    if (now.assignedCount > capacityOf(now)) complain('given more than the capacity', { ...what, now });
    if (!agent.active) complain('given to somebody inactive', what);
    if (!before.isAutomatic(agent)) complain('given to a team by hand', what);
    if (!isAvailable(agent, commit.at)) complain('given to somebody away', { ...what, agent, at: commit.at });
    if (before.hasLost(agentId, targetId ?? '')) complain('given back to who lost it', what);
    if (before.conversations.get(targetId ?? '')?.status !== 'open') complain('given what was not open', what);
  }
};

/** Each assignment is one commit with its record, and gives the conversation to an active agent under the agent's supervisor. */
const assignedOnRecord: StepRule = ({ commit, before, after }, complain) => {
  const audits = auditsOf(commit).filter(({ action }) => action === 'conversation_assigned');
  for (const id of conversationsOf(commit)) {
    const [was, is] = [before.conversations.get(id), after.conversations.get(id)];
    if (is?.status !== 'assigned' || was?.agentId === is.agentId) continue;
    const records = audits.filter(({ targetId, details }) => targetId === id && details['agentId'] === is.agentId);
    if (records.length !== 1) complain('given without one record of it', { id, was, is, records });
    const agent = after.users.get(is.agentId ?? '');
    if (!agent?.active || agent.supervisorId !== is.supervisorId) {
      complain('assigned to who was not there for it', { id, is, agent });
    }
  }
  for (const { targetId, details } of audits) {
    const [was, is] = [before.conversations.get(targetId ?? ''), after.conversations.get(targetId ?? '')];
    if (was?.agentId === details['agentId'] || is?.agentId !== details['agentId']) {
      complain('a record of what was not given', { targetId, details });
    }
  }
};

/** A number changed in the same transaction as what it counts is truth. */
const countedAtOnce: StepRule = ({ after }, complain) => {
  for (const [id, { role, assignedCount }] of after.users) {
    const held = role === 'agent' ? after.held(id) : 0;
    if (assignedCount !== held) complain('counted wrong', { id, assignedCount, held });
  }
};

/** An agent's record says what the routing of the team says. */
const routedAsTheTeam: StepRule = ({ after }, complain) => {
  for (const [id, user] of after.users) {
    if (user.role !== 'agent' || (user.automatic ?? false) === after.isAutomatic(user)) continue;
    complain('routed otherwise than the team', { id, automatic: user.automatic });
  }
};

/** Each change that others are told of has a revision of its own. */
const revisedOnce: StepRule = ({ commit, before, after }, complain) => {
  for (const id of conversationsOf(commit)) {
    const [was, is] = [before.conversations.get(id), after.conversations.get(id)];
    if (!was || !is) continue;
    const { revision: _, ...shown } = is;
    const hasChanged = Object.entries(shown).some(([name, value]) => was[name as keyof typeof was] !== value);
    if (is.revision < was.revision || (hasChanged && is.revision !== was.revision + 1)) {
      complain('changed without the next revision', { id, was, is });
    }
  }
};

/** What the clock takes, it takes from who is absent, or sends away who is silent; and from automatic teams only. */
const takenByRule: StepRule = ({ commit, before, after }, complain) => {
  for (const { action, details } of auditsOf(commit)) {
    const { agentId = '', reason } = details;
    if (action !== 'conversation_requeued' || (reason !== 'agent_absent' && reason !== 'agent_silent')) continue;
    const [agent, now] = [before.users.get(agentId), after.users.get(agentId)];
    if (!agent || !before.isAutomatic(agent)) complain('taken from a team by hand', { agentId, reason });
    if (reason === 'agent_absent' && isAvailable(agent, commit.at)) complain('taken from who is there', { agentId });
    if (reason === 'agent_silent' && now?.leased) complain('silent, and still given more', { agentId });
  }
};

/** Who becomes available has just asked to: a renewal only extends a lease that runs. And what there was not, does not end. */
const leasedByWish: StepRule = ({ commit, before, after }, complain) => {
  for (const [agentId, times] of after.availabilities) {
    const begins = times > (before.availabilities.get(agentId) ?? 0);
    if (begins && (before.asking.get(agentId) ?? 0) < 1)
      complain('became available without asking', { agentId, times });
  }
  for (const it of commit.writes) {
    if (it.of !== 'users') continue;
    const was = before.users.get(it.id);
    const hasNone = !was?.leased && !it.after.leased && it.after.availableUntil !== undefined;
    if (hasNone && it.after.availableUntil !== was?.availableUntil) complain('a lease ended that nobody had', it);
  }
};

/** After a tick nothing waits while somebody who may be given it has room. */
const nothingWaits: StepRule = ({ commit, after }, complain) => {
  if (commit.moment?.is !== 'settled') return;
  for (const [conversationId, { status }] of after.conversations) {
    if (status !== 'open') continue;
    for (const [agentId, agent] of after.users) {
      const mayBeGiven =
        agent.role === 'agent' &&
        agent.active &&
        after.isAutomatic(agent) &&
        isAvailable(agent, commit.at) &&
        after.held(agentId) < capacityOf(agent) &&
        !after.hasLost(agentId, conversationId);
      if (mayBeGiven) complain('it waits while somebody has room', { conversationId, agentId, agent });
    }
  }
};

/** Once all is quiet, what an agent holds has followed them. */
const nobodyIsStuck: StepRule = ({ commit, after }, complain) => {
  if (commit.moment?.is !== 'settled') return;
  for (const [id, { status, agentId, supervisorId }] of after.conversations) {
    if (status !== 'assigned') continue;
    const agent = after.users.get(agentId ?? '');
    if (!agent?.active || agent.supervisorId !== supervisorId) complain('left behind', { id, agentId, agent });
  }
};

type EndRule = (history: DeskHistory, end: Standing, complain: Complain) => void;

const recounted: EndRule = ({ recounts }, _end, complain) => {
  for (const it of recounts) if (it.assignedCount !== it.counted) complain('a recount says otherwise', it);
};

/** What each conversation was at each revision: changes of nothing but that are not in it. */
function versionsOf({ conversations, commits }: DeskHistory): Map<string, Map<number, ConversationState>> {
  const versions = new Map<string, Map<number, ConversationState>>();
  const note = (id: string, state: ConversationState) =>
    versions.set(id, (versions.get(id) ?? new Map()).set(state.revision, state));
  for (const [id, state] of conversations) note(id, state);
  for (const { writes } of commits) for (const it of writes) if (it.of === 'conversations') note(it.id, it.after);
  return versions;
}

const dataOf = <N extends ServerFrame['event']>(frames: readonly ServerFrame[], event: N): ServerData<N>[] =>
  frames.filter((frame) => frame.event === event).map((frame) => frame.data as ServerData<N>);

/**
 * Invariant 6 for watchers: each was told of a conversation as it was at a moment when they could see it, that it is gone because
 * of what they could see.
 */
const toldWhatTheyMaySee: EndRule = (history, _end, complain) => {
  const versions = versionsOf(history);
  for (const watcher of history.watchers) {
    const { userId, frames } = watcher;
    const shown = [
      ...dataOf(frames, 'QUEUE_CHANGED').map(({ conversation }) => conversation),
      ...dataOf(frames, 'QUEUE_WATCHED').flatMap(({ conversations }) => conversations),
    ];
    for (const { id, revision, status, agentId, supervisorId } of shown) {
      const version = versions.get(id)?.get(revision);
      const told = { userId, id, revision, status, agentId, supervisorId };
      const isSo = version?.status === status && version.agentId === agentId && version.supervisorId === supervisorId;
      if (!version || !isSo) complain('told what never was so', { ...told, version });
      else if (!sees(watcher, version)) complain('told of what they may not see', told);
    }
    for (const { conversations } of dataOf(frames, 'QUEUE_WATCHED')) {
      for (const { id, status } of conversations)
        if (status !== 'open') complain('no part of the queue', { id, status });
    }
    const removals = dataOf(frames, 'QUEUE_REMOVED');
    for (const { conversationId, revision } of removals) {
      const version = versions.get(conversationId)?.get(revision);
      if (!version || sees(watcher, version))
        complain('told that it is gone, and it is not', { userId, conversationId });
    }
    // Each change of what they could see may find it gone, whichever of the changes has taken it away.
    for (const [id, known] of versions) {
      const changes = [...known.values()].filter((version) => sees(watcher, version)).length;
      const times = removals.filter(({ conversationId }) => conversationId === id).length;
      if (times > changes) complain('told too often that it is gone', { userId, id, times, changes });
    }
  }
};

const toldOfTheirAgents: EndRule = ({ users, commits, watchers }, _end, complain) => {
  const teams = new Set([...users].map(([id, { supervisorId }]) => `${id} ${supervisorId}`));
  for (const { writes } of commits) {
    for (const it of writes) if (it.of === 'users') teams.add(`${it.id} ${it.after.supervisorId}`);
  }
  for (const { userId, role, frames } of watchers) {
    if (role === 'admin') continue;
    for (const { user } of dataOf(frames, 'AGENT_CHANGED')) {
      const isTheirs = user.supervisorId === userId && teams.has(`${user.id} ${userId}`);
      if (!isTheirs) complain('told of an agent of another team', { userId, user });
    }
  }
};

/** Who has missed frames is right again after watching once. */
const rightAfterWatching: EndRule = ({ watchers }, { conversations }, complain) => {
  const open = [...conversations].filter(([, { status }]) => status === 'open').map(([id]) => id);
  for (const { userId, believed } of watchers) {
    const missing = open.filter((id) => !believed.includes(id));
    const left = believed.filter((id) => !open.includes(id));
    if (missing.length + left.length > 0) complain('watched, and has another queue', { userId, missing, left });
  }
};

const STEP_RULES: readonly StepRule[] = [
  givenWithinCapacity,
  assignedOnRecord,
  countedAtOnce,
  routedAsTheTeam,
  revisedOnce,
  takenByRule,
  leasedByWish,
  nothingWaits,
  nobodyIsStuck,
];

const END_RULES: readonly EndRule[] = [recounted, toldWhatTheyMaySee, toldOfTheirAgents, rightAfterWatching];
