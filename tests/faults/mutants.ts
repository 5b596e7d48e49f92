import { spawn } from 'node:child_process';
import { cp, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * Shows that the tests of faults can fail: each mutant is the code with one deliberate mistake, in a copy of the tree,
 * and some test has to notice. `node tests/faults/mutants.ts [name or number …]`, by parts of names, or by places in the list,
 * from 1; exits with 1 when a mutant survives.
 */
interface Mutant {
  readonly name: string;
  readonly file: string;
  /** Must occur exactly once: a mutant that has lost its place says so, instead of being "killed" by nothing. */
  readonly find: string;
  readonly replace: string;
  /** The tests that are to notice, by path patterns. Default: the seeded histories. */
  readonly killers?: readonly string[];
}

const HISTORIES = ['tests/faults/history'];
const RACES = ['tests/faults/races'];
const TURNS = ['tests/faults/turns'];
const DESKS = ['tests/faults/desk'];
const TALKING = ['tests/integration/talking'];
const STAFFS_OWN = ['tests/integration/staffsOwn'];
const TIMELINE = ['tests/integration/timeline'];
const RESETS = ['passwordResets', 'tests/faults/mails'];
const MERGING = ['tests/integration/customers', 'tests/faults/merging'];

export const MUTANTS: readonly Mutant[] = [
  {
    name: 'seq is counted outside of the transaction',
    file: 'lib/store/seq.ts',
    find: '      session,\n      projection: { lastSeq: 1, lastMessageAt: 1,',
    replace: '      projection: { lastSeq: 1, lastMessageAt: 1,',
  },
  {
    name: 'no transaction at all',
    file: 'lib/services/rooms/sendMessage.ts',
    find: 'const inPlace = await storeMessage({ connectionId }, caller, draft, session);',
    replace: 'const inPlace = await storeMessage({ connectionId }, caller, draft, session && (undefined as never));',
  },
  {
    name: 'a message expires from the moment it is inserted',
    file: 'lib/store/messages.ts',
    find: '...(place !== undefined && { place }), broadcastAt: null }',
    replace: '...(place !== undefined && { place }), broadcastAt: null, expiresAt: new Date(Date.now() + 1000) }',
  },
  {
    name: 'acknowledged before it is committed',
    file: 'functions/websocket/sendMessage.ts',
    find: '  const { reply, tellRoom } = await',
    replace: `  const early = { conversationId: data.conversationId, messageId: 'early', seq: 1, clientMessageId: data.clientMessageId ?? null, sentAt: new Date().toISOString(), duplicate: false };
  prepareReply('MESSAGE_ACCEPTED', early)();
  const { reply, tellRoom } = await`,
  },
  {
    name: 'a 410 is ignored',
    file: 'lib/realtime/broadcast.ts',
    find: "if (delivery === 'gone') {",
    replace: "if (delivery === ('never' as string)) {",
  },
  {
    name: 'what was archived is not verified',
    file: 'lib/services/conversations/finishClosing.ts',
    find: 'if (archived !== lastSeq) {',
    replace: 'if (archived > lastSeq) {',
    killers: ['tests/faults/archive'],
  },
  {
    name: 'noted as archived before it is copied',
    file: 'lib/services/conversations/finishClosing.ts',
    find: '  const { _id: id, lastSeq } = conversation;\n',
    replace: '  const { _id: id, lastSeq } = conversation;\n  await markArchived(id, {});\n',
    killers: ['tests/faults/(crashes|longArchive)'],
  },
  {
    name: 'any close succeeds, whatever the state',
    file: 'lib/store/lifecycle.ts',
    find: `still(id, expected),
      [
        {
          $set: {
            status: 'closed',`,
    replace: `expected && { _id: id },
      [
        {
          $set: {
            status: 'closed',`,
    killers: RACES,
  },
  {
    name: 'any assign succeeds, whatever the state',
    file: 'lib/store/lifecycle.ts',
    find: 'still(id, expected), assigning(to)',
    replace: 'expected && { _id: id }, assigning(to)',
    killers: RACES,
  },
  {
    name: 'any requeue succeeds, whatever the state',
    file: 'lib/store/lifecycle.ts',
    find: 'still(id, expected), requeueing(lost)',
    replace: 'expected && { _id: id }, requeueing(lost)',
    killers: RACES,
  },
  {
    name: 'who gives back stays in the room',
    file: 'lib/store/lifecycle.ts',
    find: "{ $ne: ['$$this.userId', '$agentId'] }",
    replace: "{ $ne: ['$$this.userId', '$candidateId'] }",
    killers: ['tests/faults/staff'],
  },
  {
    name: 'an assignment only reads the agent',
    file: 'lib/store/agents.ts',
    find: `    { $inc: { assignedCount: 1 }, $currentDate: { lastGivenAt: true } },
    { session },
  );
  if (matchedCount === 1) return 'reserved';`,
    replace: `    { $inc: { assignedCount: 0 } },
    { session },
  );
  if (matchedCount === 1) return 'reserved';`,
    killers: ['tests/faults/staff'],
  },
  {
    name: 'a supervisor who is given an agent is only read',
    file: 'lib/store/users.ts',
    find: `{ _id: id, role: 'supervisor', active: true },
      { $inc: { touches: 1 } },`,
    replace: `{ _id: id, role: 'supervisor', active: true },
      { $inc: { touches: 0 } },`,
    killers: ['tests/faults/staff'],
  },
  {
    name: 'what an agent holds follows whoever they were',
    file: 'lib/services/users/finishHandingOver.ts',
    find: `if (!(await touchUnchanged(agent, session))) return`,
    replace: `if (!(await touchUnchanged(agent, session)) && false) return`,
    killers: ['tests/integration/handingOver'],
  },
  {
    name: 'a send does not look whether it is closed',
    file: 'lib/store/seq.ts',
    find: `status: { $ne: 'closed' },
      ...('connectionId' in placed`,
    replace: "...('connectionId' in placed",
  },
  {
    name: 'the room is told without looking who may be in it',
    file: 'lib/store/room.ts',
    find: '(userId === candidateId || userId === agentId)',
    replace: "(userId === candidateId || userId !== '')",
    killers: ['tests/faults/broadcast'],
  },
  {
    name: 'a message is stored though its sender may not speak',
    file: 'lib/services/rooms/storeMessage.ts',
    find: 'const sender = await isFound;',
    replace:
      "const sender = await Promise.resolve(isFound).catch(() => ({ userId: taken?.candidateId ?? '', role: 'candidate' as const, name: '' }));",
    killers: ['tests/security/sockets'],
  },
  {
    name: 'a message is stored beyond the limit',
    file: 'lib/services/rooms/sendMessage.ts',
    find: `      await limited;
      const at`,
    replace: '      const at',
    killers: ['tests/integration/errorCatalogue'],
  },
  {
    name: 'a connection that has ended is put back in the room by a join under way',
    file: 'lib/store/rooms.ts',
    find: 'room: { $exists: true, ...isNotEnded }',
    replace: 'room: { $exists: true, ...(isNotEnded && {}) }',
    killers: ['tests/faults/endedSessions'],
  },
  {
    name: 'a rename does not reach open sockets',
    file: 'lib/services/users/updateUser.ts',
    find: 'if (user.name !== before.name || ',
    replace: 'if (',
    killers: ['tests/security/sessions.test'],
  },
  {
    name: 'only the active messages are read',
    file: 'lib/store/messages.ts',
    find: 'conversation.archivedAt ? [permanent] : [active, permanent]',
    replace: 'conversation.archivedAt ? [active] : [active, permanent].slice(0, 1)',
  },
  {
    name: 'a reader overtaken by the archive is not sent there',
    file: 'lib/store/messages.ts',
    find: 'conversation.archivedAt ? [permanent] : [active, permanent]',
    replace: 'conversation.archivedAt ? [permanent] : [active]',
    killers: ['tests/faults/archive'],
  },
  {
    name: 'a clientMessageId may be used twice',
    file: 'lib/store/messages.ts',
    find: '{ unique: true, partialFilterExpression: { clientMessageId:',
    replace: '{ unique: false, partialFilterExpression: { clientMessageId:',
  },
  {
    name: 'the history is read before the room is entered',
    file: 'lib/services/rooms/joinConversation.ts',
    find: `    const { turn, conversation } = await takeInTurn(() => enter(caller, conversationId));
    try {`,
    replace: `    const before = await findConversation(conversationId);
    const read = before && (await readForJoin(before, caller, afterSeq, MOST_MESSAGES));
    const { turn, conversation } = await takeInTurn(() => enter(caller, conversationId));
    try {
      if (before && read) return { answer: fitFrame(toConversation(before, read.names), read.messages), turn };`,
    killers: ['tests/faults/joining'],
  },
  {
    name: 'a repeated send does not tell the room',
    file: 'lib/services/rooms/sendMessage.ts',
    find: 'if (room === null && (await toldBefore(message))) return;',
    replace: 'if (room === null || (await toldBefore(message))) return;',
    killers: ['tests/faults/crashes'],
  },
  {
    name: 'a repeated send always tells the room',
    file: 'lib/services/rooms/sendMessage.ts',
    find: 'if (room === null && (await toldBefore(message))) return;',
    replace: 'if (room === null && !(await toldBefore(message))) return;',
  },
  {
    name: 'closing does not wait for the archive to let the copies expire',
    file: 'lib/services/conversations/finishClosing.ts',
    find: "if (step === 'archive') {",
    replace: "if (step === ('never' as string)) {",
  },
  {
    name: 'the archived copies never expire',
    file: 'lib/store/messages.ts',
    find: '{ $set: { expiresAt } },',
    replace: '{ $set: { broadcastAt: expiresAt } },',
  },
  {
    name: 'a command may take for ever',
    file: 'lib/websocket/frameHandler.ts',
    find: 'await withinDeadline(() => handle(raw, outlet, event))',
    replace: 'await (withinDeadline && handle(raw, outlet, event))',
    killers: ['tests/integration/deadline'],
  },
  {
    name: 'a request may take for ever',
    file: 'lib/http/endpoint.ts',
    find: 'await withinDeadline(() => handle(request as unknown as HttpRequest<R>))',
    replace: 'await (withinDeadline && handle(request as unknown as HttpRequest<R>))',
    killers: ['tests/integration/deadline'],
  },
  {
    name: 'what froze with its start is not begun again',
    file: 'lib/runtime/singleFlight.ts',
    find: 'if (isYoung) throw error;',
    replace: 'throw error;',
    killers: ['tests/unit/secrets'],
  },
  {
    name: 'the reuse of an old refresh token goes unnoticed',
    file: 'lib/store/sessions.ts',
    find: "return { sessionId, userId, is: 'reused' };",
    replace: 'return null;',
    killers: ['tests/security/sessions.test'],
  },
  {
    name: 'a spent refresh token is answered for as long as it is kept',
    file: 'lib/store/sessions.ts',
    find: 'hash === token.hash && expiresAt > now)',
    replace: 'hash === token.hash && expiresAt > new Date(0))',
    killers: ['tests/security/sessions.test'],
  },
  {
    name: 'whoever knows a session’s id can end it',
    file: 'lib/store/sessions.ts',
    find: 'if (token.family && token.family.hash !== found.familyHash) return null;',
    replace: '',
    killers: ['tests/security/sessions.test'],
  },
  {
    name: 'the database holds the key to a successor',
    file: 'lib/auth/refreshTokens.ts',
    find: "hkdfSync('sha256', token.text,",
    replace: "hkdfSync('sha256', token.hash,",
    killers: ['tests/security/sessions.test'],
  },
  {
    name: 'who loses the race to refresh gets a successor of their own',
    file: 'lib/store/sessions.ts',
    find: 'tokenHash: token.family ? token.hash : null,',
    replace: '...(token.family ? {} : { tokenHash: null }),',
    killers: ['tests/security/sessions.test'],
  },
  {
    name: 'the session used last makes room',
    file: 'lib/store/sessions.ts',
    find: '.sort({ usedAt: 1, expiresAt: 1 })',
    replace: '.sort({ usedAt: -1, expiresAt: -1 })',
    killers: ['tests/security/sessionBounds'],
  },
  {
    name: 'the newest socket makes room',
    file: 'lib/store/endedConnections.ts',
    find: '.sort({ admission: 1 })',
    replace: '.sort({ admission: -1 })',
    killers: ['tests/security/sockets'],
  },
  {
    name: 'a post may take for ever',
    file: 'lib/realtime/managementApi.ts',
    find: 'setImmediate(() => controller.abort()), ms)',
    replace: 'setImmediate(() => controller.abort()), ms * 100)',
    killers: ['tests/faults/broadcast'],
  },
  {
    name: 'a message does not wait for the one it is sent after',
    file: 'lib/services/rooms/sendMessage.ts',
    find: 'if (draft.after !== undefined) {',
    replace: "if (draft.after !== undefined && draft.after === '') {",
  },
  {
    name: 'a conversation may be opened twice under one name',
    file: 'lib/store/conversations.ts',
    find: '{ unique: true, partialFilterExpression: { clientConversationId:',
    replace: '{ unique: false, partialFilterExpression: { clientConversationId:',
  },
  {
    name: 'a leave does not wait for the answer to a join, nor a join for that to a leave',
    file: 'lib/store/rooms.ts',
    find: '{ $eq: [{ $size: inTheWay }, 0] }',
    replace: '{ $gte: [{ $size: inTheWay }, 0] }',
    killers: TURNS,
  },
  {
    name: 'the end of a stay is told before the join is answered',
    file: 'lib/realtime/broadcast.ts',
    find: 'room && afterAnswers ?',
    replace: 'room && afterAnswers && audience.users === audience.room ?',
    killers: TURNS,
  },
  {
    name: 'a close is answered before a join of the same connection',
    file: 'functions/websocket/closeConversation.ts',
    find: 'closed.room.inTurn.filter((id) => id === connectionId)',
    replace: 'closed.room.inTurn.filter((id) => id !== id && id === connectionId)',
    killers: TURNS,
  },
  {
    name: 'who lost a conversation hears of it after being given it again',
    file: 'lib/services/conversations/tellAgents.ts',
    find: 'async () => formerAgentId === null || !',
    replace: "async () => formerAgentId !== '' || !",
    killers: TURNS,
  },
  {
    name: 'a join counts though its agent lost the conversation and was given it again on the way in',
    file: 'lib/services/rooms/joinConversation.ts',
    find: 'if (isIn && mayAnswer(turn))',
    replace: 'if (turn && mayAnswer(turn))',
    killers: TURNS,
  },
  {
    name: 'a command that has waited asks no more whether its session is still there',
    file: 'lib/services/rooms/order.ts',
    find: '  await recheck(came);\n',
    replace: '',
    killers: ['tests/integration/order'],
  },
  {
    name: 'every command is said to be safe to send again',
    file: 'lib/protocol/repeating.ts',
    find: "if (repeat === 'safe' || has(input, repeat.safeWith))",
    replace: "if (repeat === 'safe' || input || !has(input, repeat.safeWith))",
    killers: ['tests/contract/repeating'],
  },
  {
    name: 'the database goes on with what its caller was told is over',
    file: 'lib/store/model.ts',
    find: 'return maxTimeMS === undefined ? {} : { maxTimeMS };',
    replace: 'return maxTimeMS === -1 ? { maxTimeMS } : {};',
    killers: ['tests/faults/abandoned'],
  },
  {
    name: 'sums are added to outside of the transaction that marks',
    file: 'lib/store/closedSums.ts',
    find: '{ filter: { _id }, update: { $inc: increments(sum) }, upsert: true },\n    })),\n    { session },',
    replace: '{ filter: { _id }, update: { $inc: increments(sum) }, upsert: true },\n    })),\n    {},',
    killers: ['tests/integration/closedSums'],
  },
  {
    name: 'a recount counts what a sweep is still to count',
    file: 'lib/store/migrations/recountClosed.ts',
    find: 'await readRows(uncounted(range), session));\n    const counted',
    replace: 'range ? [] : await readRows(uncounted(range), session));\n    const counted',
    killers: ['tests/integration/closedSums'],
  },
  {
    name: 'a list goes by an index that holds more than it asks for',
    file: 'lib/store/conversations.ts',
    find: "const cases = forEvery(visible, 'status', CONVERSATION_STATUSES)",
    replace: 'const cases = (CONVERSATION_STATUSES ? visible : [])',
    killers: ['tests/integration/queries'],
  },
  {
    name: 'a flood of frames is answered for ever',
    file: 'lib/limits/rateLimits.ts',
    find: 'const FLOOD_FACTOR = 2;',
    replace: 'const FLOOD_FACTOR = 2_000;',
    killers: ['tests/security/sockets'],
  },
  {
    name: 'of repeats at once each is on record',
    file: 'lib/services/auth/refreshSession.ts',
    find: 'if (!(await markRepeated(sessionId, token.hash, session))) return;',
    replace: 'await markRepeated(sessionId, token.hash, session);',
    killers: ['tests/security/sessions.test'],
  },
  {
    name: 'a lift passes every block',
    file: 'lib/limits/signInAttempts.ts',
    find: "const asked = origin === 'unknown' && !usesLift ? limits : pairAlone;",
    replace: "const asked = usesLift ? [] : origin === 'unknown' ? limits : pairAlone;",
    killers: ['tests/security/throttling'],
  },
  {
    name: 'an erasure begins anew each time',
    file: 'lib/services/users/finishErasing.ts',
    find: 'inSlices({ from: erasedThrough, lastSeq, until }',
    replace: 'inSlices({ from: erasedThrough * 0, lastSeq, until }',
    killers: ['tests/security/erasure'],
  },
  {
    name: 'the best agent is chosen without asking for room',
    file: 'lib/store/agents.ts',
    find: '$expr: { $and: [IS_AVAILABLE, HAS_ROOM] }',
    replace: '$expr: HAS_ROOM && IS_AVAILABLE',
    killers: DESKS,
  },
  {
    name: 'the best agent is chosen outside of the transaction',
    file: 'lib/store/agents.ts',
    find: '{ sort: FEWEST_FIRST, session, projection: { supervisorId: 1 } }',
    replace: '{ sort: FEWEST_FIRST, ...(session && {}), projection: { supervisorId: 1 } }',
    killers: DESKS,
  },
  {
    name: 'room is asked for outside of the transaction',
    file: 'lib/store/agents.ts',
    find: `  const chosen = await native(userModel()).findOneAndUpdate(
    {
      ...MAY_BE_GIVEN,`,
    replace: `  const [free] = await freeAgents();
  if (!free) return null;
  const chosen = await native(userModel()).findOneAndUpdate(
    {
      _id: free.id,`,
    killers: DESKS,
  },
  {
    name: 'who has lost a conversation is given it again at once',
    file: 'lib/store/agents.ts',
    find: '...(losses.length > 0 && {',
    replace: '...(losses.length > 1_000 && {',
    killers: DESKS,
  },
  {
    name: 'it is not counted how often somebody became available',
    file: 'lib/store/agents.ts',
    find: '{ $cond: [IS_AVAILABLE, 0, 1] }',
    replace: '{ $cond: [IS_AVAILABLE, 0, 0] }',
    killers: DESKS,
  },
  {
    name: 'asking to be available again counts as becoming so',
    file: 'lib/store/agents.ts',
    find: '{ $cond: [IS_AVAILABLE, 0, 1] }',
    replace: '{ $cond: [IS_AVAILABLE, 1, 1] }',
    killers: DESKS,
  },
  {
    name: 'a renewal begins a lease anew',
    file: 'lib/store/agents.ts',
    find: '{ _id: agentId, leased: true, $expr: IS_AVAILABLE },',
    replace: '{ _id: agentId, leased: true },',
    killers: DESKS,
  },
  {
    name: 'who said nothing in time is still there for more',
    file: 'lib/store/agents.ts',
    find: "reason === 'silent' ? [released, ...ENDED] : [released]",
    replace: "reason === 'silent' && !ENDED ? [released, ...ENDED] : [released]",
    killers: DESKS,
  },
  {
    name: 'the routing of a team does not reach its agents',
    file: 'lib/store/agents.ts',
    find: "trusted({ supervisorId, role: 'agent', automatic: { $ne: automatic } })",
    replace: "trusted({ supervisorId, role: 'supervisor', automatic: { $ne: automatic } })",
    killers: DESKS,
  },
  {
    name: 'an agent who is moved is routed as before',
    file: 'lib/services/users/updateUser.ts',
    find: '{ handsOver, automatic: team?.automatic }',
    replace: '{ handsOver, automatic: team && undefined }',
    killers: DESKS,
  },
  {
    name: 'a conversation is given whatever it was since it was read',
    file: 'lib/store/lifecycle.ts',
    find: '...(revision === undefined ? { revision: { $exists: false } } : { revision }),',
    replace: '...(revision === -1 ? { revision: { $exists: false } } : {}),',
    killers: DESKS,
  },
  {
    name: 'a requeue leaves the agent’s slot taken',
    file: 'lib/services/conversations/requeueConversation.ts',
    find: 'const availability = await releaseSlot(agentId, session);',
    replace: 'const availability = releaseSlot ? 0 : await releaseSlot(agentId, session);',
    killers: DESKS,
  },
  {
    name: 'the clock gives nothing',
    file: 'lib/services/desk/dispatch.ts',
    find: 'attempt(() => assignWaiting(until, assigned), undefined)',
    replace: 'attempt(async () => (until < 0 ? assignWaiting(until, assigned) : undefined), undefined)',
    killers: DESKS,
  },
  {
    name: 'a watcher is told of what they may not see any more',
    file: 'lib/services/desk/tellWatchers.ts',
    find: 'if (maySeeConversation(watcher, record)) {',
    replace: "if (maySeeConversation(watcher, { ...record, status: 'open' })) {",
    killers: DESKS,
  },
  {
    name: 'a watcher is told of the end of what they never saw',
    file: 'lib/services/desk/tellWatchers.ts',
    find: '!maySeeConversation(watcher, { ...record, ...change.formerly })) return [];',
    replace: "!maySeeConversation(watcher, { ...record, ...change.formerly, status: 'open' })) return [];",
    killers: DESKS,
  },
  {
    name: 'what is made ready goes out before the commit',
    file: 'lib/realtime/managementApi.ts',
    find: 'const abortSignal = await mayGoOut(input);',
    replace: 'const abortSignal = (mayGoOut(input), new AbortController().signal);',
    killers: ['tests/faults/prepared'],
  },
  {
    name: 'a command that was given up is answered as it was made ready',
    file: 'lib/websocket/frameHandler.ts',
    find: 'if (!givenUp) following.push(post());',
    replace: 'if (!givenUp || post) following.push(post());',
    killers: ['tests/integration/deadline'],
  },
  {
    name: 'a room that may have changed meanwhile is told as it was',
    file: 'lib/services/rooms/sendMessage.ts',
    find: 'if (tellRoom && isFresh(at))',
    replace: 'if (tellRoom && (isFresh(at) || room))',
    killers: ['tests/faults/prepared'],
  },
  {
    name: 'an agent whose record a dead machine holds is chosen again and again',
    file: 'lib/services/desk/assignWaiting.ts',
    find: 'held.add(best.id);',
    replace: "held.add('');",
    killers: ['tests/integration/routing'],
  },
  {
    name: 'a read mark goes back',
    file: 'lib/store/reads.ts',
    find: '{ _id, seq: { $lt: seq } },',
    replace: '{ _id, seq: { $ne: seq } },',
    killers: TALKING,
  },
  {
    name: 'a read mark goes beyond the last message',
    file: 'lib/services/rooms/markRead.ts',
    find: 'Math.min(wanted, conversation.lastSeq)',
    replace: 'Math.max(wanted, 0)',
    killers: TALKING,
  },
  {
    name: "one's own messages count as unread",
    file: 'lib/store/messages.ts',
    find: "side === 'agent' ? fromCandidate : all - fromCandidate",
    replace: "side === 'agent' || fromCandidate ? all : 0",
    killers: TALKING,
  },
  {
    name: 'typing is told to the typist’s other tabs',
    file: 'lib/services/rooms/typing.ts',
    find: 'roomWithout(roomOf(conversation), userId)',
    replace: "roomWithout(roomOf(conversation), '')",
    killers: TALKING,
  },
  {
    name: 'whoever closes one tab of several is said to have left',
    file: 'lib/services/rooms/presence.ts',
    find: 'if (!room.userIds.includes(userId)) await',
    replace: 'if (room.userIds) await',
    killers: TALKING,
  },
  {
    name: 'a second rating overwrites the first',
    file: 'lib/store/ratings.ts',
    find: "      status: 'closed',\n      rating: { $exists: false },",
    replace: "      status: 'closed',",
    killers: STAFFS_OWN,
  },
  {
    name: 'a rating is taken whenever it comes',
    file: 'lib/store/ratings.ts',
    find: "{ $gt: ['$closedAt', { $subtract: [NOW, RATED_WITHIN_MS] }] }",
    replace: "{ $gt: ['$closedAt', { $subtract: [NOW, 9 * RATED_WITHIN_MS] }] }",
    killers: STAFFS_OWN,
  },
  {
    name: 'a note that is sent again is another note',
    file: 'lib/services/conversations/addNote.ts',
    find: 'clientNoteId: clientNoteId ?? null,',
    replace: 'clientNoteId: null,',
    killers: STAFFS_OWN,
  },
  {
    name: 'a note is told to watchers of other teams',
    file: 'lib/services/desk/tellNotes.ts',
    find: '(watcher) => maySeeConversation(watcher, conversation)',
    replace: '(watcher) => watcher || maySeeConversation(watcher, conversation)',
    killers: STAFFS_OWN,
  },
  {
    name: 'a customer is answered as the staff are',
    file: 'lib/services/conversations/present.ts',
    find: "caller.role === 'candidate'\n        ?",
    replace: '!caller.role\n        ?',
    killers: ['tests/integration/queue'],
  },
  {
    name: "a supervisor is shown everybody's days",
    file: 'lib/services/analytics/timeline.ts',
    find: 'isAdmin ? null : userId, session',
    replace: 'isAdmin || userId ? null : userId, session',
    killers: TIMELINE,
  },
  {
    name: 'a day has no first quarter of an hour',
    file: 'lib/services/analytics/timeline.ts',
    find: 'for (let at = from; at < to;',
    replace: 'for (let at = from + QUARTER_MS; at < to;',
    killers: TIMELINE,
  },
  {
    name: 'every day has 24 hours',
    file: 'lib/domain/calendar.ts',
    find: 'const end = beginOf(next, dateAt);',
    replace: 'const end = beginOf(next, dateAt) && begin + DAY_MS;',
    killers: ['tests/integration/timeline', 'tests/unit'],
  },
  {
    name: 'what a visitor has sent is stored again when the customer sends it again',
    file: 'lib/services/rooms/storeMessage.ts',
    find: 'if (merged && isCandidates && clientMessageId !== undefined)',
    replace: 'if (merged && !isCandidates && clientMessageId !== undefined)',
    killers: MERGING,
  },
  {
    name: 'a visitor opens a conversation beside the merge',
    file: 'lib/services/conversations/createConversation.ts',
    find: 'caller.isVisitor && !(await keepVisitor(candidateId, session))',
    replace: 'caller.isVisitor && !(await keepVisitor(candidateId, session)) && opening === (null as never)',
    killers: MERGING,
  },
  {
    name: 'a visitor is merged, and stays signed in',
    file: 'lib/services/auth/mergeVisitor.ts',
    find: 'const sockets = await endSessions({ userId: visitor.userId }, session);',
    replace: 'const sockets = await endSessions({ sessionIds: [] }, session);',
    killers: MERGING,
  },
  {
    name: 'a merged visitor’s name stays when the customer is erased',
    file: 'lib/store/messages.ts',
    find: "const theirs = { $eq: ['$senderRole', 'candidate'] };",
    replace: "const theirs = { $and: [{ $eq: ['$senderRole', 'candidate'] }, { $eq: ['$place', 1] }] };",
    killers: MERGING,
  },
  {
    name: 'what a visitor has read is unread again',
    file: 'lib/services/auth/mergeVisitor.ts',
    find: 'followed.map(({ _id }) => _id),',
    replace: 'followed.slice(1).map(({ _id }) => _id),',
    killers: MERGING,
  },
  {
    name: 'somebody signs in by the address of the company’s customer',
    file: 'lib/store/users.ts',
    find: 'user.email === null || user.passwordHash === null ? null :',
    replace: 'user.email === null ? null :',
    killers: MERGING,
  },
  {
    name: 'a token of the company’s lives as long as it says',
    file: 'lib/auth/identityTokens.ts',
    find: ' || exp - iat > LONGEST_SECONDS',
    replace: '',
    killers: ['tests/security/identity'],
  },
  {
    name: 'a candidate is shown one field more',
    file: 'lib/store/conversations.ts',
    find: 'revision: record.revision ?? 0,\n  };',
    replace: 'revision: record.revision ?? 0,\n    ...({ handedBack: record.requeues ?? 0 } as object),\n  };',
    killers: ['tests/contract/handlers/rooms'],
  },
  {
    name: 'a link to a new password works twice',
    file: 'lib/store/passwordResets.ts',
    find: 'return deletedCount === 1;',
    replace: 'return deletedCount < 2;',
    killers: RESETS,
  },
  {
    name: 'who was signed in by the old password stays so',
    file: 'lib/services/auth/resetPassword.ts',
    find: 'return endSessions({ userId }, session);',
    replace: 'return endSessions({ sessionIds: [] }, session);',
    killers: RESETS,
  },
  {
    name: 'a link to a new password works for as long as it is kept',
    file: 'lib/store/passwordResets.ts',
    find: "{ $gt: ['$$token.expiresAt', '$$NOW'] }",
    replace: "{ $gt: ['$$token.expiresAt', new Date(0)] }",
    killers: RESETS,
  },
  {
    name: 'a fourth link leaves the oldest',
    file: 'lib/store/passwordResets.ts',
    find: "{ $size: '$tokens' }, MOST_LIVE]",
    replace: "{ $size: '$tokens' }, MOST_LIVE + 1]",
    killers: RESETS,
  },
  {
    name: 'the link of a mail that was refused takes the place of one that works',
    file: 'lib/services/mail/sendMails.ts',
    find: '      await dropReset(mail.userId, token.hash);\n',
    replace: '',
    killers: RESETS,
  },
  {
    name: 'the link of a mail that was refused keeps the place that it took',
    file: 'lib/store/passwordResets.ts',
    find: "{ $eq: ['$$token.displacedBy', hash] }, restored, '$$token'",
    replace: "{ $eq: ['$$token.displacedBy', hash] }, '$$token', '$$token'",
    killers: RESETS,
  },
  {
    name: 'a mail of which nobody knows the outcome is sent a third time',
    file: 'lib/services/mail/sendMails.ts',
    find: 'mail.begun >= MOST_BEGUN',
    replace: 'mail.begun > MOST_BEGUN',
    killers: RESETS,
  },
  {
    name: 'a sender that stood still sends what another has',
    file: 'lib/services/mail/sendMails.ts',
    find: 'if (!(await beginMail(mail, session))) return',
    replace: 'if (!(await beginMail(mail, session)) && mail.begun < 0) return',
    killers: RESETS,
  },
  {
    name: 'only who has an account costs a write',
    file: 'lib/services/auth/forgotPassword.ts',
    find: 'if (isWithinLimit) await putMail(userId);',
    replace: 'if (isWithinLimit && userId !== null) await putMail(userId);',
    killers: RESETS,
  },
  {
    name: 'a hole in a conversation goes unnoticed by the client',
    file: 'client/src/messageList.ts',
    find: '    this.#known = Math.max(this.#known, seq);',
    replace: '    this.#known = Math.max(this.#known, Math.min(seq, this.end));',
    killers: ['tests/client/conversation'],
  },
  {
    name: "the client doesn't keep what it sends",
    file: 'client/src/outbox.ts',
    find: '    const entry = this.#take(kept);\n    this.#outbox.save(this.#userId, kept);',
    replace: '    const entry = this.#take(kept);',
    killers: ['tests/client/outbox'],
  },
  {
    name: "the client's messages don't name the one before",
    file: 'client/src/outbox.ts',
    find: '...(before && { after: before.kept.id }),',
    replace: "...(before && before.seq === 0 && { after: '' }),",
    killers: ['tests/client/hostile'],
  },
  {
    name: 'a message sent again has another name',
    file: 'client/src/outbox.ts',
    find: '        clientMessageId: id,',
    replace: '        clientMessageId: this.#outbox.deps.newId(),',
    killers: ['tests/client/hostile'],
  },
  {
    name: "a tab doesn't wait for what another one sends",
    file: 'client/src/outbox.ts',
    find: 'if (free <= 0 || (!entry.isOwn && !this.#takesOver(entry))) return;',
    replace: 'if (free <= 0) return;\n        if (!entry.isOwn && !this.#takesOver(entry)) continue;',
    killers: ['tests/client/outbox'],
  },
  {
    name: 'the client gives up a message that is out of order',
    file: 'client/src/outbox.ts',
    find: "  'OUT_OF_ORDER',\n",
    replace: '',
    killers: ['tests/client/outbox'],
  },
  {
    name: 'another person sees what this one did',
    file: 'client/src/conversation.ts',
    find: 'if (user && this.#outbox?.userId === user.id) return;',
    replace: 'if (user && this.#outbox) return;',
    killers: ['tests/client/conversation'],
  },
  {
    name: 'the client keeps the older of two conversations',
    file: 'client/src/conversation.ts',
    find: 'if (isOlder) return;',
    replace: 'if (isOlder === undefined) return;',
    killers: ['tests/client/conversation'],
  },
  {
    name: "the client doesn't join again on a new socket",
    file: 'client/src/conversation.ts',
    find: "deps.connection.on('up', () => this.#up()),",
    replace: "deps.connection.on('up', () => undefined),",
    killers: ['tests/client/conversation'],
  },
  {
    name: 'the client reads one page of what is closed',
    file: 'client/src/conversation.ts',
    find: 'if (page.nextAfterSeq === null) break;',
    replace: 'break;',
    killers: ['tests/client/conversation'],
  },
  {
    name: 'the client repeats a refresh when it passes for a theft',
    file: 'client/src/session.ts',
    find: 'clock.now() - sentAt > REPEAT_MS)',
    replace: 'clock.now() - sentAt > REPEAT_MS * 1_000)',
    killers: ['tests/client/session'],
  },
  {
    name: 'every tab refreshes by itself',
    file: 'client/src/session.ts',
    find: 'if (!this.#isUsable(kept, refused)) return this.#refresh(kept, renewal);',
    replace: 'return this.#refresh(kept, renewal);',
    killers: ['tests/client/session'],
  },
  {
    name: 'a refresh is sent though nobody can be reached',
    file: 'client/src/session.ts',
    find: 'if (sentAt === null) await',
    replace: 'if (sentAt === 0) await',
    killers: ['tests/client/session'],
  },
  {
    name: 'what one person asked for is done as the next one',
    file: 'client/src/session.ts',
    find: "if (caller === 'signedIn') call.abort(signedOut());",
    replace: "if (caller === 'anyone') call.abort(signedOut());",
    killers: ['tests/client/session'],
  },
  {
    name: 'a session that comes late takes the place of a newer one',
    file: 'client/src/session.ts',
    find: 'this.#renewal?.controller.abort(SUPERSEDED);',
    replace: 'this.#renewal?.controller.abort.length;',
    killers: ['tests/client/session'],
  },
  {
    name: "the client keeps a socket that doesn't answer",
    file: 'client/src/connection.ts',
    find: 'this.later(timeoutMs, () => this.over(null));',
    replace: 'this.later(timeoutMs, () => undefined);',
    killers: ['tests/client/connection'],
  },
  {
    name: 'a client whose place was taken takes it back',
    file: 'client/src/connection.ts',
    find: 'if (!this.#replacing) this.#end(',
    replace: 'if (this.#replacing) this.#end(',
    killers: ['tests/client/connection'],
  },
  {
    name: 'all clients come back at the same moment',
    file: 'client/src/clock.ts',
    find: '  random() * Math.min(',
    replace: '  (attempt === 0 ? 1 : random()) * Math.min(',
    killers: ['tests/client/connection'],
  },
  {
    name: 'a renewal makes an agent available',
    file: 'client/src/availability.ts',
    find: "request('SET_AVAILABILITY', { status: 'available', renew: true }, options)",
    replace: "request('SET_AVAILABILITY', { status: 'available' }, options)",
    killers: ['tests/client/desk'],
  },
  {
    name: 'what one person has said is sent as the next one',
    file: 'client/src/conversation.ts',
    find: '    this.#outbox?.stop();\n    this.#outboxBefore',
    replace: '    this.#outboxBefore',
    killers: ['tests/client/conversation'],
  },
  {
    name: 'what one person has read the next one has',
    file: 'client/src/conversation.ts',
    find: '      this.#wantsRead = 0;\n      this.#seenRead = 0;\n      this.#markedRead = 0;\n',
    replace: '',
    killers: ['tests/client/conversation'],
  },
  {
    name: 'the client reads a conversation anew on each socket',
    file: 'client/src/conversation.ts',
    find: 'this.#join(list.end)',
    replace: 'this.#join(0)',
    killers: ['tests/client/conversation'],
  },
  {
    name: 'the client asks for the first hole only',
    file: 'client/src/conversation.ts',
    find: '      this.#gap = undefined;\n',
    replace: '',
    killers: ['tests/client/conversation'],
  },
  {
    name: 'a leave that was thought better of counts',
    file: 'client/src/conversation.ts',
    find: '    if (this.#needsRoom) this.#goOn();\n',
    replace: '',
    killers: ['tests/client/conversation'],
  },
  {
    name: 'a view that is over still waits',
    file: 'client/src/conversation.ts',
    find: '    this.#readPause?.();\n    (this.#outbox',
    replace: '    (this.#outbox',
    killers: ['tests/client/connection'],
  },
  {
    name: 'what is kept is sent in the order of its keys',
    file: 'client/src/outbox.ts',
    find: '    this.#entries.sort((a, b) => a.kept.order - b.kept.order || (a.kept.id < b.kept.id ? -1 : 1));\n',
    replace: '',
    killers: ['tests/client/outbox'],
  },
  {
    name: 'a message is kept after it was stored',
    file: 'client/src/outbox.ts',
    find: 'this.#writes = this.#writes.then(work).catch(',
    replace: 'this.#writes = Promise.all([this.#writes, work()]).catch(',
    killers: ['tests/client/outbox'],
  },
  {
    name: 'a message comes after one that was given up',
    file: 'client/src/outbox.ts',
    find: "      if (entry.state !== 'sending') continue;\n      if (!entry.isUnderWay) {",
    replace:
      "      if (entry.state === 'failed') before = entry;\n      if (entry.state !== 'sending') continue;\n      if (!entry.isUnderWay) {",
    killers: ['tests/client/outbox'],
  },
  {
    name: 'a refresh that may have had its effect counts as unsent',
    file: 'client/src/session.ts',
    find: '          if (isFirst) await this.#replace(',
    replace: '          await this.#replace(',
    killers: ['tests/client/session'],
  },
  {
    name: 'a sign-out signs out who has signed in meanwhile',
    file: 'client/src/session.ts',
    find: '    if (decision !== this.#decisions) return;\n',
    replace: '',
    killers: ['tests/client/session'],
  },
  {
    name: 'a client that is closed comes back',
    file: 'client/src/connection.ts',
    find: '    this.#stopWaiting();\n    this.#abort.abort();\n    line?.over(null);',
    replace: '    this.#abort.abort();\n    line?.over(null);',
    killers: ['tests/client/connection'],
  },
  {
    name: 'a client whose own new socket took the place never comes back',
    file: 'client/src/connection.ts',
    find: '    this.#cut = undefined;\n    this.#epoch',
    replace: '    this.#epoch',
    killers: ['tests/client/connection'],
  },
  {
    name: 'a socket that opens when the one before is lost is followed by another',
    file: 'client/src/connection.ts',
    find: '        else this.#stopWaiting();\n',
    replace: '',
    killers: ['tests/client/connection'],
  },
  {
    name: 'the client comes back with the token that was refused',
    file: 'client/src/connection.ts',
    find: '    this.#doubt = true;\n    this.#line?.over(null);',
    replace: '    this.#line?.over(null);',
    killers: ['tests/client/connection'],
  },
  {
    name: "the queue isn't watched on a new socket",
    file: 'client/src/queue.ts',
    find: "      deps.connection.on('up', () => this.#read()),\n",
    replace: '',
    killers: ['tests/client/desk'],
  },
  {
    name: 'a supervisor sees the queue of the one before',
    file: 'client/src/queue.ts',
    find: '  sessionChanged(): void {\n    this.#known.clear();',
    replace: '  sessionChanged(): void {',
    killers: ['tests/client/desk'],
  },
  {
    name: 'an agent goes on with the lease of the one before',
    file: 'client/src/availability.ts',
    find: '    this.#become({ status: null, until: null });',
    replace: '',
    killers: ['tests/client/desk'],
  },
];

/** How often what a mutant replaces is there: once, or the mutant has lost its place. */
export async function placesOf({ file, find }: Mutant): Promise<number> {
  return (await readFile(join(ROOT, file), 'utf8')).split(find).length - 1;
}

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** What the tests don't need, or mustn't change, of the tree. */
const LEFT_OUT = new Set(['node_modules', '.git', '.local', '.esbuild', '.serverless']);
const LIMIT_MS = 600_000;

type Fate = 'killed' | 'timed out' | 'SURVIVED' | 'NO PLACE';

async function fateOf(mutant: Mutant): Promise<Fate> {
  if ((await placesOf(mutant)) !== 1) return 'NO PLACE';
  const { file, find, replace, killers = HISTORIES } = mutant;
  return withCopy(async (folder) => {
    const source = await readFile(join(folder, file), 'utf8');
    await writeFile(
      join(folder, file),
      source.replace(find, () => replace),
    );
    return await runTests(folder, killers);
  });
}

/** Runs the tests on a copy without a mistake: they have to pass, or what "kills" the mutants is something else. */
async function requireCleanPass(patterns: readonly string[]): Promise<void> {
  const fate = await withCopy((folder) => runTests(folder, patterns, patterns.length * LIMIT_MS));
  if (fate !== 'SURVIVED') throw new Error(`without any mistake the tests were ${fate}: ${patterns.join(' ')}`);
}

async function withCopy<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'live-support-mutant-'));
  try {
    for (const part of await readdir(ROOT)) {
      if (!LEFT_OUT.has(part)) await cp(join(ROOT, part), join(folder, part), { recursive: true });
    }
    await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'), 'dir');
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** In a process of its own, for it may hang. */
function runTests(folder: string, patterns: readonly string[], limitMs = LIMIT_MS): Promise<Fate> {
  return new Promise((resolve, reject) => {
    const jest = spawn(
      process.execPath,
      ['--experimental-vm-modules', '--no-warnings', 'node_modules/jest/bin/jest.js', '--bail', ...patterns],
      {
        cwd: folder,
        env: { ...process.env, SOAK: '1' },
        stdio: ['ignore', 'ignore', 'pipe'],
        timeout: limitMs,
        killSignal: 'SIGTERM',
      },
    );
    let report = '';
    jest.stderr.on('data', (chunk: Buffer) => {
      report += chunk.toString();
    });
    jest.once('error', reject);
    jest.once('exit', (code, signal) => {
      if (signal) resolve('timed out');
      // Killed by a test, not by a file that doesn't load or a pattern that names none.
      else if (code !== 0 && !/^Tests: .*failed/m.test(report)) reject(new Error(report));
      else resolve(code === 0 ? 'SURVIVED' : 'killed');
    });
  });
}

async function main(): Promise<void> {
  const wanted = process.argv.slice(2);
  const isWanted = (part: string, name: string, index: number) =>
    /^\d+$/.test(part) ? Number(part) === index + 1 : name.includes(part);
  const chosen = MUTANTS.filter(
    ({ name }, index) => wanted.length === 0 || wanted.some((part) => isWanted(part, name, index)),
  );
  await requireCleanPass([...new Set(chosen.flatMap(({ killers = HISTORIES }) => killers))]);
  const survivors: string[] = [];
  for (const mutant of chosen) {
    const begun = Date.now();
    const fate = await fateOf(mutant);
    if (fate === 'SURVIVED' || fate === 'NO PLACE') survivors.push(mutant.name);
    const seconds = Math.round((Date.now() - begun) / 1000);
    console.log(`${fate.padEnd(10)} ${`${seconds} s`.padStart(6)}  ${mutant.name}`);
  }
  console.log(`\n${chosen.length - survivors.length} of ${chosen.length} mutants killed`);
  if (survivors.length > 0) process.exitCode = 1;
}

if (import.meta.main) await main();
