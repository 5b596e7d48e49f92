import type { ServerData, ServerFrame } from '../../../lib/protocol/events.ts';
import type { Conversation, Message } from '../../../lib/protocol/objects/conversations.ts';
import type { History, Link, Outcome, SendAttempt } from './history.ts';
import type { RoleName } from './scenario.ts';

/** What the design says of a history that is wrong of this one: nothing, it is to be hoped. */
export function check(history: History, outcome: Outcome): string[] {
  const complaints = [...history.complaints];
  const complain = (rule: string, detail: unknown) => complaints.push(`${rule}: ${JSON.stringify(detail)}`);
  for (const rule of RULES) rule(history, outcome, complain);
  return complaints;
}

type Complain = (rule: string, detail: unknown) => void;
type Rule = (history: History, outcome: Outcome, complain: Complain) => void;

const isAgent = (role: RoleName): boolean => role.startsWith('agent');

const framesOf = <N extends ServerFrame['event']>(link: Link, event: N): ServerData<N>[] =>
  link.frames.filter(({ frame }) => frame.event === event).map(({ frame }) => frame.data as ServerData<N>);

const accepted = ({ answer }: SendAttempt): ServerData<'MESSAGE_ACCEPTED'> | undefined =>
  answer?.event === 'MESSAGE_ACCEPTED' ? answer.data : undefined;

/** Every message a link was shown, live or on joining. */
const shown = (link: Link): Message[] => [
  ...framesOf(link, 'NEW_MESSAGE'),
  ...framesOf(link, 'CONVERSATION_JOINED').flatMap(({ messages }) => messages),
];

/** Invariants 1 and 2: an acknowledged message is there exactly once, as acknowledged; any other at most once. */
const nothingLostNothingDoubled: Rule = ({ sends, players }, { messages }, complain) => {
  const bySeq = new Map(messages.map((message) => [message.seq, message]));
  for (const attempt of sends) {
    const ack = accepted(attempt);
    if (!ack) continue;
    const kept = bySeq.get(ack.seq);
    const same =
      kept?.id === ack.messageId &&
      kept.content === attempt.content &&
      kept.clientMessageId === attempt.clientMessageId &&
      kept.clientMessageId === ack.clientMessageId &&
      kept.senderId === players[attempt.of].user.id &&
      kept.sentAt === ack.sentAt;
    if (!same) complain('an acknowledged message is not in the history as acknowledged', { ack, kept });
  }
  const contents = messages.map(({ content }) => content);
  if (new Set(contents).size !== contents.length) complain('a message was stored twice', contents);
  const known = new Set(sends.map(({ content }) => content));
  for (const message of messages) if (!known.has(message.content)) complain('a message nobody sent', message);
};

/** A repeated send is answered as the first one was. */
const repeatsAgree: Rule = ({ sends }, _outcome, complain) => {
  const first = new Map<string, number>();
  const stored = new Map<string, number>();
  for (const attempt of sends) {
    const ack = accepted(attempt);
    if (!ack) continue;
    const key = attempt.content;
    const seq = first.get(key) ?? ack.seq;
    first.set(key, seq);
    if (seq !== ack.seq) complain('a repeated send was given another seq', { seq, ack });
    if (!ack.duplicate) stored.set(key, (stored.get(key) ?? 0) + 1);
  }
  for (const [key, times] of stored) if (times > 1) complain('stored anew twice', key);
};

/** Invariant 3. */
const oneOrder: Rule = (_history, { conversation, messages, messagesLater, versions }, complain) => {
  const seqs = messages.map(({ seq }) => seq);
  if (seqs.some((seq, index) => seq !== index + 1) || seqs.length !== conversation.lastSeq) {
    complain('seq is not 1..lastSeq', { seqs, lastSeq: conversation.lastSeq });
  }
  for (const [index, message] of messages.entries()) {
    const before = messages[index - 1];
    if (before && before.sentAt > message.sentAt) complain('sentAt runs backwards', { before, message });
  }
  if (JSON.stringify(messages) !== JSON.stringify(messagesLater)) {
    complain('two reads disagree', { messages, messagesLater });
  }
  for (const [index, version] of versions.entries()) {
    const step = version.lastSeq - (versions[index - 1]?.lastSeq ?? 0);
    if (step !== 0 && step !== 1) complain('seq was not counted by ones', versions);
  }
};

/** Invariant 10: what was sent after something is stored after it, and a close that waits for something closes on it. */
const inTheOrderMeant: Rule = ({ sends, closes, players }, { messages }, complain) => {
  const seqOf = (of: RoleName, name: string): number | undefined =>
    messages.find(({ senderId, clientMessageId }) => senderId === players[of].user.id && clientMessageId === name)?.seq;
  for (const { of, clientMessageId, after, content, answer, invocation } of sends) {
    if (after === null) continue;
    const stored = messages.find((message) => message.content === content);
    const before = seqOf(of, after);
    if (stored && (before === undefined || before > stored.seq)) {
      complain('a message was stored before the one it was sent after', { clientMessageId, after, stored, before });
    }
    if (answer?.event !== 'ERROR' || answer.data.code !== 'OUT_OF_ORDER') continue;
    const there = sends.some(
      (send) =>
        send.of === of &&
        send.clientMessageId === after &&
        send.invocation.endedAt < invocation.startedAt &&
        accepted(send),
    );
    if (there) complain('out of order, although what it was sent after was there', { clientMessageId, after });
  }
  for (const { link, after, won } of closes) {
    if (!won || !link || after === undefined) continue;
    if (seqOf(link.of, after) === undefined) complain('closed before what the close waits for was stored', { after });
  }
};

/** Opened under one name, it is one conversation, told of as new once. */
const openedOnce: Rule = ({ opens, conversationId }, { opened }, complain) => {
  const answers = opens.flatMap(({ answer }) => (answer && answer.status < 400 ? [answer] : []));
  const others = answers.filter(({ body }) => (body as { id: string }).id !== conversationId);
  if (opened !== 1 || others.length > 0) complain('opened twice under one name', { opened, answers });
  if (answers.filter(({ status }) => status === 201).length > 1) complain('opened as new twice', answers);
  for (const { invocation, answer } of opens) {
    if (invocation.clean && (!answer || (answer.status >= 400 && answer.status !== 503))) {
      complain('an untroubled opening was not answered', answer);
    }
  }
};

/** Whatever anybody was shown, at any time, is what the history says. */
const noPhantoms: Rule = ({ links, reads }, { messages }, complain) => {
  const bySeq = new Map(messages.map((message) => [message.seq, JSON.stringify(message)]));
  const compare = (message: Message, where: string) => {
    if (bySeq.get(message.seq) !== JSON.stringify(message)) complain(`a phantom ${where}`, message);
  };
  for (const link of links) for (const message of shown(link)) compare(message, `at ${link.tab}`);
  const runs = [
    ...links.flatMap((link) =>
      link.joins.flatMap(({ afterSeq, answer }) =>
        answer?.event === 'CONVERSATION_JOINED' ? [{ afterSeq, items: answer.data.messages }] : [],
      ),
    ),
    ...reads.flatMap(({ afterSeq, answer }) =>
      answer.status === 200 ? [{ afterSeq, items: (answer.body as { items: Message[] }).items }] : [],
    ),
  ];
  for (const { afterSeq, items } of runs) {
    for (const [index, message] of items.entries()) {
      compare(message, 'in a reading');
      if (message.seq !== afterSeq + index + 1) complain('a reading with a hole', { afterSeq, items });
    }
  }
};

/** What was acknowledged before a reading began is in it. */
const readsAreCurrent: Rule = ({ reads, sends, links }, _outcome, complain) => {
  const ackedBefore = (at: number) =>
    Math.max(0, ...sends.filter(({ invocation }) => invocation.endedAt < at).map((send) => accepted(send)?.seq ?? 0));
  for (const { invocation, afterSeq, answer } of reads) {
    if (answer.status !== 200) continue;
    const { items, nextAfterSeq } = answer.body as { items: Message[]; nextAfterSeq: number | null };
    const least = ackedBefore(invocation.startedAt);
    if (nextAfterSeq === null && afterSeq < least && (items.at(-1)?.seq ?? 0) < least) {
      complain('a reading misses what was acknowledged before', { least, items });
    }
  }
  for (const { invocation, afterSeq, answer } of links.flatMap((link) => link.joins)) {
    if (answer?.event !== 'CONVERSATION_JOINED' || answer.data.nextAfterSeq !== null) continue;
    const least = ackedBefore(invocation.startedAt);
    if (afterSeq < least && (answer.data.messages.at(-1)?.seq ?? 0) < least) {
      complain('a join misses what was acknowledged before', { least, answer });
    }
  }
};

/** Invariant 5 for closing: one wins, everybody hears of it once and alike, and nothing is accepted after it. */
const closedOnce: Rule = ({ links, closes }, { conversation, versions, permanent, active }, complain) => {
  const at = versions.findIndex(({ status }) => status === 'closed');
  const closed = versions[at];
  for (const later of versions.slice(at + 1)) {
    if (later.status !== 'closed' || later.lastSeq !== closed?.lastSeq || later.agentId !== closed?.agentId) {
      complain('a closed conversation changed', versions);
    }
  }
  if (closes.filter(({ won }) => won).length > 1) complain('two closes won', closes.length);
  if (permanent !== conversation.lastSeq) complain('not archived', { permanent, lastSeq: conversation.lastSeq });
  if (active !== 0) complain('active copies that never expire', active);
  // An announcement that was interrupted, or done twice at the same time, may be heard again.
  const again = closes.filter(({ invocation, overlapped }) => !invocation.clean || overlapped).length;
  for (const link of links) {
    const heard = framesOf(link, 'CONVERSATION_CLOSED');
    if (heard.length > 1 + again) complain(`${link.tab} heard of the close too often`, { times: heard.length, again });
    for (const { closedAt, closedBy, lastSeq } of heard) {
      if (
        closedAt !== conversation.closedAt ||
        closedBy !== conversation.closedBy ||
        lastSeq !== conversation.lastSeq
      ) {
        complain('a CONVERSATION_CLOSED that is not so', { closedAt, closedBy, lastSeq, conversation });
      }
    }
  }
};

/**
 * Invariant 5 for assigning and giving back: whoever succeeded was told of a change that was made, each change is told
 * once, and what is open is with nobody.
 */
const assignedOnce: Rule = ({ assigns, players }, { versions }, complain) => {
  const told = (to: RoleName | null) =>
    assigns.flatMap((it) => (it.to === to && it.answer?.status === 200 ? [it.answer.body as Conversation] : []));
  for (const to of ['agent1', 'agent2', 'agent3'] as const) {
    const { id } = players[to].user;
    // Of equal ones each is told, and told the same.
    const won = new Set(told(to).map(({ assignedAt }) => assignedAt)).size;
    const changes = versions.filter(
      ({ agentId }, index) => agentId === id && versions[index - 1]?.agentId !== id,
    ).length;
    if (won > changes) complain('more assigns won than there were', { to, won, changes });
    if (told(to).some(({ agentId, agent }) => agentId !== id || agent?.id !== id)) complain('assigned to another', to);
  }
  const won = told(null).length;
  const changes = versions.filter(
    ({ status }, index) => status === 'open' && versions[index - 1]?.status === 'assigned',
  ).length;
  if (won > changes) complain('more was given back than there was', { won, changes });
  for (const { status, agentId, supervisorId } of versions) {
    if (status !== 'closed' && [agentId, supervisorId].some((id) => (id === null) !== (status === 'open'))) {
      complain('open with somebody, or assigned to nobody', versions);
    }
  }
  // Told by one each: a frame whose answer was lost is posted again, so what arrives says less.
  const tellers = (event: string) =>
    assigns.flatMap(({ invocation }) => invocation.posts.filter(({ frame }) => frame.event === event).slice(0, 1));
  const assignments = tellers('CONVERSATION_ASSIGNED').map(
    ({ frame }) => (frame.data['conversation'] as Conversation).assignedAt,
  );
  if (new Set(assignments).size !== assignments.length) complain('an assignment was told twice', assignments);
  const requeues = tellers('CONVERSATION_REQUEUED').length;
  if (requeues > changes) complain('told too often that it was given back', { requeues, changes });
};

/** Invariant 6: by what each was entitled to when it was written, and when it was sent to them. */
const nobodyElse: Rule = ({ links, reads, players, assigns }, { versions }, complain) => {
  const most = (role: RoleName) =>
    Math.max(-1, ...versions.filter((it) => it.agentId === players[role].user.id).map(({ lastSeq }) => lastSeq));
  for (const link of links) {
    if (link.of === 'stranger') {
      const told = link.frames.filter(({ frame }) => frame.event !== 'ERROR');
      if (told.length > 0) complain('a stranger was told', told);
    }
    if (!isAgent(link.of)) continue;
    for (const { seq } of shown(link)) {
      if (seq > most(link.of)) complain('a message from after their time', { tab: link.tab, seq });
    }
  }
  for (const { of, answer, invocation, afterSeq } of reads) {
    if (answer.status !== 200) continue;
    if (of === 'stranger') complain('a stranger could read', { afterSeq });
    if (isAgent(of) && isOut(of, assigns, invocation.startedAt, invocation.endedAt)) {
      complain('a former agent could read', { of, afterSeq });
    }
  }
  for (const link of links) {
    for (const { invocation, answer } of link.joins) {
      if (answer?.event !== 'CONVERSATION_JOINED' || !isAgent(link.of)) continue;
      if (isOut(link.of, assigns, invocation.startedAt, invocation.endedAt))
        complain('a former agent could join', link.tab);
    }
  }
};

/** Whether an agent had certainly lost the conversation before `from`, and was not being given it again by `to`. */
function isOut(agent: RoleName, assigns: History['assigns'], from: number, to: number): boolean {
  const lost = assigns.filter((it) => it.to !== agent && it.answer?.status === 200 && it.invocation.endedAt < from);
  return lost.some(({ invocation: { startedAt } }) =>
    assigns.every((it) => it.to !== agent || it.invocation.endedAt < startedAt || it.invocation.startedAt > to),
  );
}

/** Nothing is posted to a former agent by what began after the conversation was given to another one. */
const noPostsToFormerAgents: Rule = ({ links, sends, closes, assigns }, _outcome, complain) => {
  const byId = new Map(links.map((link) => [link.connectionId, link]));
  for (const { invocation } of [...sends, ...closes]) {
    for (const { connectionId, frame, at } of invocation.posts) {
      const link = byId.get(connectionId);
      const told = frame.event === 'NEW_MESSAGE' || frame.event === 'CONVERSATION_CLOSED';
      if (!told || !link || !isAgent(link.of)) continue;
      if (isOut(link.of, assigns, invocation.startedAt, at))
        complain(`a post to a former agent`, { tab: link.tab, frame });
    }
  }
};

/** When a link was given an answer. */
const toldAt = (link: Link, answer: ServerFrame): number =>
  link.frames.find(({ frame }) => frame === answer)?.at ?? Number.POSITIVE_INFINITY;

/** Whether a leave may have ended a stay that was answered with `joined`: what ends it is answered later, or not at all. */
function mayEnd(link: Link, { answer }: Link['leaves'][number], joined: ServerFrame): boolean {
  if (answer?.event === 'CONVERSATION_LEFT') return toldAt(link, answer) > toldAt(link, joined);
  return answer?.event !== 'ERROR' || !['NOT_JOINED', 'NOT_FOUND'].includes(answer.data.code);
}

/**
 * Whether a connection was told something of its place in the room that isn't so, everything being over: what it was told
 * last counts. Where that may have got lost, or an answer with it, nothing can be said.
 */
export function misled(link: Link, history: History, isIn: boolean): string | undefined {
  const { players, assigns, closes } = history;
  const faulty =
    link.troubles.some(({ why }) => why !== 'leave') ||
    [...assigns, ...closes].some(({ invocation }) => !invocation.clean) ||
    assigns.some(({ answer }) => !answer || answer.status >= 500);
  if (faulty) return undefined;
  let last: { readonly says: boolean; readonly at: number; readonly frame: ServerFrame } | undefined;
  let assignedAt = '';
  for (const { at, frame } of link.frames) {
    if (frame.event === 'CONVERSATION_JOINED') {
      assignedAt = frame.data.conversation.assignedAt ?? '';
      last = { says: true, at, frame };
    }
    if (frame.event === 'CONVERSATION_LEFT' || frame.event === 'CONVERSATION_CLOSED') last = { says: false, at, frame };
    // It may come late, after the agent was given it again and has joined: which of both is the last nobody can tell.
    if (frame.event === 'CONVERSATION_REQUEUED' && isAgent(link.of)) last = undefined;
    if (frame.event === 'CONVERSATION_ASSIGNED' && isAgent(link.of)) {
      // News of an earlier assignment may come late.
      const { conversation } = frame.data;
      const isNews = (conversation.assignedAt ?? '') > assignedAt;
      if (isNews && conversation.agentId !== players[link.of].user.id) last = { says: false, at, frame };
    }
  }
  if (!last || last.says === isIn) return undefined;
  const { at, frame, says } = last;
  const unknown = [...link.joins, ...link.leaves].some(
    ({ invocation, answer }) =>
      invocation.endedAt > at && (!answer || (answer.event === 'ERROR' && isFault(answer.data.code))),
  );
  if (unknown) return undefined;
  return `${link.tab} was told ${frame.event} and is ${says ? 'not ' : ''}in the room`;
}

const isFault = (code: string): boolean => ['UNAVAILABLE', 'INTERNAL', 'INVALID_TOKEN'].includes(code);

/** From when to when a link was surely in the room, with nothing in its way. */
function stays(
  link: Link,
  { assigns, closes }: History,
): { readonly afterSeq: number; readonly from: number; readonly joined: number; readonly to: number }[] {
  return link.joins.flatMap(({ invocation, afterSeq, answer }) => {
    if (answer?.event !== 'CONVERSATION_JOINED' || answer.data.nextAfterSeq !== null) return [];
    const from = invocation.startedAt;
    const rivals = isAgent(link.of) ? assigns.filter((it) => it.to !== link.of) : [];
    const ends = [
      ...link.troubles
        .filter(({ why }) => why !== 'leave')
        .map(({ at }) => at)
        .filter((at) => at > from),
      // Even one that has begun before may yet take it out of the room.
      ...[...rivals, ...closes, ...link.leaves.filter((leave) => mayEnd(link, leave, answer))]
        .map((it) => it.invocation)
        .filter((it) => it.endedAt > from)
        .map((it) => it.startedAt),
    ];
    const faulty = link.troubles.some(({ at, why }) => why !== 'leave' && at < from);
    const to = Math.min(...ends, Number.MAX_SAFE_INTEGER);
    return faulty || to < invocation.endedAt ? [] : [{ afterSeq, from, joined: invocation.endedAt, to }];
  });
}

/** Joining and listening leave no gap: whoever was in the room has been told by a send that nothing troubled. */
const theRoomIsTold: Rule = (history, { messages }, complain) => {
  for (const link of history.links) {
    const seen = new Set(shown(link).map(({ seq }) => seq));
    for (const stay of stays(link, history)) {
      for (const send of history.sends) {
        const ack = accepted(send);
        const { invocation } = send;
        if (!ack || !invocation.clean || invocation.endedAt >= stay.to || ack.seq <= stay.afterSeq) continue;
        if (!seen.has(ack.seq)) {
          complain(`${link.tab} was in the room and was not told`, {
            seq: ack.seq,
            of: messages.length,
            stay,
            told: invocation.startedAt,
          });
        }
      }
    }
  }
};

/**
 * Told once: again only where a send was troubled, and then repeated; each repeat that waited for the first one in vain
 * may tell the room in its place. A post whose answer was lost is made again.
 */
const toldOnce: Rule = ({ links, sends }, _outcome, complain) => {
  for (const link of links) {
    const times = new Map<string, number>();
    for (const { content } of framesOf(link, 'NEW_MESSAGE')) times.set(content, (times.get(content) ?? 0) + 1);
    for (const [content, count] of times) {
      const alike = sends.filter((send) => send.content === content);
      const troubled = alike.some((send) => !send.invocation.clean) ? alike.length - 1 : 0;
      const lost = alike
        .flatMap(({ invocation }) => invocation.posts)
        .filter(({ connectionId, frame, outcome }) => {
          const isIt = connectionId === link.connectionId && frame.event === 'NEW_MESSAGE';
          return isIt && outcome !== 'delivered' && outcome !== 'gone' && frame.data['content'] === content;
        }).length;
      if (count > 1 + troubled + lost) complain(`${link.tab} was told too often`, { content, count, troubled, lost });
    }
  }
};

/** Invariant 7: the first 410 to one in the room is the last post to it. */
const theGoneAreForgotten: Rule = (history, { remembered }, complain) => {
  const { links, sends, assigns, closes } = history;
  const closing = Math.min(...closes.map(({ invocation }) => invocation.startedAt));
  for (const { invocation } of sends) {
    if (!invocation.clean || invocation.endedAt > closing) continue;
    for (const { connectionId, frame, outcome } of invocation.posts) {
      const link = links.find((it) => it.connectionId === connectionId);
      if (!link || outcome !== 'gone' || frame.event !== 'NEW_MESSAGE' || !remembered.has(connectionId)) continue;
      const left = link.troubles.some(({ why }) => why === 'leave');
      const replaced = isAgent(link.of) && assigns.some(({ to }) => to !== link.of);
      if (!left && !replaced) complain('a gone connection is remembered', link.tab);
    }
  }
};

const REFUSALS = new Set([
  'NOT_FOUND',
  'NOT_JOINED',
  'CONVERSATION_CLOSED',
  'CONFLICT',
  'OUT_OF_ORDER',
  'INVALID_TOKEN',
  'FORBIDDEN',
  'UNAVAILABLE',
]);

/** Whatever fails, fails in the contract's words; and what nothing troubled is answered. */
const answeredProperly: Rule = (history, _outcome, complain) => {
  for (const link of history.links) {
    for (const { code, event } of framesOf(link, 'ERROR')) {
      if (!REFUSALS.has(code)) complain('answered', { code, event });
    }
    const spans = stays(link, history);
    for (const { link: by, invocation, answer } of history.sends) {
      const inRoom = spans.some(({ joined, to }) => joined < invocation.startedAt && invocation.endedAt < to);
      if (by !== link || !inRoom || !invocation.clean) continue;
      if (answer?.event === 'MESSAGE_ACCEPTED') continue;
      // `inTheOrderMeant` says when that is right.
      if (answer?.event === 'ERROR' && ['UNAVAILABLE', 'OUT_OF_ORDER'].includes(answer.data.code)) continue;
      complain('an untroubled send was not accepted', { tab: link.tab, answer });
    }
  }
  for (const { answer } of [...history.reads, ...history.assigns]) {
    if (answer?.status === 500) complain('answered', answer.body);
  }
};

const RULES: readonly Rule[] = [
  nothingLostNothingDoubled,
  repeatsAgree,
  oneOrder,
  inTheOrderMeant,
  openedOnce,
  noPhantoms,
  readsAreCurrent,
  closedOnce,
  assignedOnce,
  nobodyElse,
  noPostsToFormerAgents,
  theRoomIsTold,
  toldOnce,
  theGoneAreForgotten,
  answeredProperly,
];
