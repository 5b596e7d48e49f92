import type { Operation } from '../../../lib/domain/permissions.ts';
import { ERRORS, type ErrorCode } from '../../../lib/protocol/errors.ts';

/**
 * Who may do what to whose things, and what everybody else is told. One line per operation and object, one column per
 * caller. A number is an HTTP status, `ok` a client event's success, a word one of `WORDS`.
 *
 * Conversations, seen from the caller (the supervisor S, their agent A, the candidate C):
 *   own          C's, given to A by S                     unjoined     the same, the caller's socket not in the room
 *   team         another's, with a teammate of A          another      another's, with an agent of another supervisor
 *   former       C's, taken from A, given to a teammate   open         C's, with nobody yet
 *   closed       as own, then closed by A                 closedByS    C's, closed by S while open
 *   closedByS2   C's, closed by another supervisor while open          none   no such id
 * Where the room matters (`SEND_MESSAGE`, `LEAVE_CONVERSATION`) the caller joined, if ever they could, before the last step.
 *
 * People: self · ownAgent (of S; a teammate of A) · otherAgent (of another supervisor) · customer · none
 */
const TABLE = `
  operation            object      admin  supervisor  agent     candidate  nobody

  register             -           201    201         201       201        201
  login                -           200    200         200       200        200
  exchangeIdentity     -           200    200         200       200        200
  createVisitor        -           201    201         201       201        201
  refreshSession       -           200    200         200       200        200
  health               -           200    200         200       200        200
  logout               -           204    204         204       204        401
  getMe                -           200    200         200       200        401
  changePassword       -           204    204         204       204        401
  forgotPassword       -           202    202         202       202        202
  resetPassword        -           204    204         204       204        204

  createUser           -           201    403         403       403        401
  listUsers            -           200    200         403       403        401
  getUser              self        200    200         200       200        401
  getUser              ownAgent    200    200         404       404        401
  getUser              otherAgent  200    404         404       404        401
  getUser              customer    200    404         404       404        401
  getUser              none        404    404         404       404        401
  updateUser           self        200    403         403       403        401
  updateUser           ownAgent    200    403         403       403        401
  updateUser           otherAgent  200    403         403       403        401
  updateUser           customer    200    403         403       403        401
  updateUser           none        404    403         403       403        401
  eraseUser            self        404    403         403       403        401
  eraseUser            ownAgent    404    403         403       403        401
  eraseUser            otherAgent  404    403         403       403        401
  eraseUser            customer    200    403         403       403        401
  eraseUser            none        404    403         403       403        401
  createPasswordReset  self        201    403         403       403        401
  createPasswordReset  ownAgent    201    403         403       403        401
  createPasswordReset  otherAgent  201    403         403       403        401
  createPasswordReset  customer    201    403         403       403        401
  createPasswordReset  none        404    403         403       403        401

  sendAway             self        403    404         403       403        401
  sendAway             ownAgent    403    200         403       403        401
  sendAway             otherAgent  403    404         403       403        401
  sendAway             customer    403    404         403       403        401
  sendAway             none        403    404         403       403        401
  setCapacity          self        404    404         403       403        401
  setCapacity          ownAgent    200    200         403       403        401
  setCapacity          otherAgent  200    404         403       403        401
  setCapacity          customer    404    404         403       403        401
  setCapacity          none        404    404         403       403        401

  getRouting           -           403    200         403       403        401
  setRouting           -           403    200         403       403        401
  getDesk              -           200    200         200       200        200

  listReplies          -           200    200         200       403        401
  createReply          -           201    201         201       403        401
  updateReply          none        404    404         404       403        401
  deleteReply          none        404    404         404       403        401
  timeline             -           200    200         403       403        401

  listAudit            -           200    403         403       403        401
  supervisorAnalytics  -           200    403         403       403        401
  createConversation   -           403    403         403       201        401
  listConversations    -           200    200         200       200        401

  getConversation      own         200    200         200       200        401
  getConversation      team        200    200         404       404        401
  getConversation      another     200    404         404       404        401
  getConversation      former      200    200         404       200        401
  getConversation      open        200    200         404       200        401
  getConversation      closed      200    200         200       200        401
  getConversation      closedByS   200    200         404       200        401
  getConversation      closedByS2  200    404         404       200        401
  getConversation      none        404    404         404       404        401

  listMessages         own         200    200         200       200        401
  listMessages         team        200    200         404       404        401
  listMessages         another     200    404         404       404        401
  listMessages         former      200    200         404       200        401
  listMessages         open        200    200         404       200        401
  listMessages         closed      200    200         200       200        401
  listMessages         closedByS   200    200         404       200        401
  listMessages         closedByS2  200    404         404       200        401
  listMessages         none        404    404         404       404        401

  assignConversation   own         403    200         403       403        401
  assignConversation   team        403    200         403       403        401
  assignConversation   another     403    404         403       403        401
  assignConversation   former      403    200         403       403        401
  assignConversation   open        403    200         403       403        401
  assignConversation   closed      403    closed      403       403        401
  assignConversation   closedByS   403    closed      403       403        401
  assignConversation   closedByS2  403    404         403       403        401
  assignConversation   none        403    404         403       403        401

  requeueConversation  own         200    200         200       403        401
  requeueConversation  team        200    200         404       403        401
  requeueConversation  another     200    404         404       403        401
  requeueConversation  former      200    200         404       403        401
  requeueConversation  open        409    409         404       403        401
  requeueConversation  closed      closed closed      closed    403        401
  requeueConversation  closedByS   closed closed      404       403        401
  requeueConversation  closedByS2  closed 404         404       403        401
  requeueConversation  none        404    404         404       403        401

  closeConversation    own         403    assigned    200       403        401
  closeConversation    team        403    assigned    404       403        401
  closeConversation    another     403    404         404       403        401
  closeConversation    former      403    assigned    404       403        401
  closeConversation    open        403    200         404       403        401
  closeConversation    closed      403    closed      closed    403        401
  closeConversation    closedByS   403    closed      404       403        401
  closeConversation    closedByS2  403    404         404       403        401
  closeConversation    none        403    404         404       403        401

  editConversation     own         200    200         200       403        401
  editConversation     team        200    200         404       403        401
  editConversation     another     200    404         404       403        401
  editConversation     former      200    200         404       403        401
  editConversation     open        200    200         404       403        401
  editConversation     closed      200    200         200       403        401
  editConversation     closedByS   200    200         404       403        401
  editConversation     closedByS2  200    404         404       403        401
  editConversation     none        404    404         404       403        401

  getTranscript        own        200    200         200       200        401
  getTranscript        team       200    200         404       404        401
  getTranscript        another    200    404         404       404        401
  getTranscript        former     200    200         404       200        401
  getTranscript        open       200    200         404       200        401
  getTranscript        closed     200    200         200       200        401
  getTranscript        closedByS  200    200         404       200        401
  getTranscript        closedByS2 200    404         404       200        401
  getTranscript        none       404    404         404       404        401
  listNotes            own        200    200         200       403        401
  listNotes            team       200    200         404       403        401
  listNotes            another    200    404         404       403        401
  listNotes            former     200    200         404       403        401
  listNotes            open       200    200         404       403        401
  listNotes            closed     200    200         200       403        401
  listNotes            closedByS  200    200         404       403        401
  listNotes            closedByS2 200    404         404       403        401
  listNotes            none       404    404         404       403        401
  addNote              own        201    201         201       403        401
  addNote              team       201    201         404       403        401
  addNote              another    201    404         404       403        401
  addNote              former     201    201         404       403        401
  addNote              open       201    201         404       403        401
  addNote              closed     201    201         201       403        401
  addNote              closedByS  201    201         404       403        401
  addNote              closedByS2 201    404         404       403        401
  addNote              none       404    404         404       403        401
  markRead             own        403    403         200       200        401
  markRead             team       403    403         404       404        401
  markRead             another    403    403         404       404        401
  markRead             former     403    403         404       200        401
  markRead             open       403    403         404       200        401
  markRead             closed     403    403         200       200        401
  markRead             closedByS  403    403         404       200        401
  markRead             closedByS2 403    403         404       200        401
  markRead             none       403    403         404       404        401
  rateConversation     own        403    403         403       409        401
  rateConversation     team       403    403         403       404        401
  rateConversation     another    403    403         403       404        401
  rateConversation     former     403    403         403       409        401
  rateConversation     open       403    403         403       409        401
  rateConversation     closed     403    403         403       200        401
  rateConversation     closedByS  403    403         403       200        401
  rateConversation     closedByS2 403    403         403       200        401
  rateConversation     none       403    403         403       404        401

  JOIN_CONVERSATION    own         403    403         ok        ok         401
  JOIN_CONVERSATION    team        403    403         404       404        401
  JOIN_CONVERSATION    another     403    403         404       404        401
  JOIN_CONVERSATION    former      403    403         404       ok         401
  JOIN_CONVERSATION    open        403    403         404       ok         401
  JOIN_CONVERSATION    closed      403    403         closed    closed     401
  JOIN_CONVERSATION    closedByS   403    403         404       closed     401
  JOIN_CONVERSATION    closedByS2  403    403         404       closed     401
  JOIN_CONVERSATION    none        403    403         404       404        401

  SEND_MESSAGE         own         403    403         ok        ok         401
  SEND_MESSAGE         unjoined    403    403         outside   outside    401
  SEND_MESSAGE         team        403    403         404       404        401
  SEND_MESSAGE         another     403    403         404       404        401
  SEND_MESSAGE         former      403    403         404       ok         401
  SEND_MESSAGE         open        403    403         404       ok         401
  SEND_MESSAGE         closed      403    403         closed    closed     401
  SEND_MESSAGE         closedByS   403    403         404       closed     401
  SEND_MESSAGE         closedByS2  403    403         404       closed     401
  SEND_MESSAGE         none        403    403         404       404        401

  LEAVE_CONVERSATION   own         403    403         ok        ok         401
  LEAVE_CONVERSATION   unjoined    403    403         outside   outside    401
  LEAVE_CONVERSATION   team        403    403         404       404        401
  LEAVE_CONVERSATION   another     403    403         404       404        401
  LEAVE_CONVERSATION   former      403    403         404       ok         401
  LEAVE_CONVERSATION   open        403    403         404       ok         401
  LEAVE_CONVERSATION   closed      403    403         outside   outside    401
  LEAVE_CONVERSATION   closedByS   403    403         404       outside    401
  LEAVE_CONVERSATION   closedByS2  403    403         404       outside    401
  LEAVE_CONVERSATION   none        403    403         404       404        401

  CLOSE_CONVERSATION   own         403    403         ok        403        401
  CLOSE_CONVERSATION   unjoined    403    403         ok        403        401
  CLOSE_CONVERSATION   team        403    403         404       403        401
  CLOSE_CONVERSATION   another     403    403         404       403        401
  CLOSE_CONVERSATION   former      403    403         404       403        401
  CLOSE_CONVERSATION   open        403    403         404       403        401
  CLOSE_CONVERSATION   closed      403    403         closed    403        401
  CLOSE_CONVERSATION   closedByS   403    403         404       403        401
  CLOSE_CONVERSATION   closedByS2  403    403         404       403        401
  CLOSE_CONVERSATION   none        403    403         404       403        401

  MARK_READ            own        403    403         ok        ok         401
  MARK_READ            team       403    403         404       404        401
  MARK_READ            another    403    403         404       404        401
  MARK_READ            former     403    403         404       ok         401
  MARK_READ            open       403    403         404       ok         401
  MARK_READ            closed     403    403         ok        ok         401
  MARK_READ            closedByS  403    403         404       ok         401
  MARK_READ            closedByS2 403    403         404       ok         401
  MARK_READ            none       403    403         404       404        401
  TYPING               own        403    403         silent    silent     401
  TYPING               unjoined   403    403         outside   outside    401
  TYPING               team       403    403         404       404        401
  TYPING               another    403    403         404       404        401
  TYPING               former     403    403         404       silent     401
  TYPING               open       403    403         404       silent     401
  TYPING               closed     403    403         closed    closed     401
  TYPING               closedByS  403    403         404       closed     401
  TYPING               closedByS2 403    403         404       closed     401
  TYPING               none       403    403         404       404        401

  WATCH_QUEUE          -           ok     ok          403       403        401
  UNWATCH_QUEUE        -           ok     ok          403       403        401
  SET_AVAILABILITY     -           403    403         ok        403        401
  PING                 -           ok     ok          ok        ok         401
`;

const WORDS: Readonly<Record<string, ErrorCode>> = {
  401: 'INVALID_TOKEN',
  403: 'FORBIDDEN',
  404: 'NOT_FOUND',
  409: 'CONFLICT',
  closed: 'CONVERSATION_CLOSED',
  assigned: 'CONVERSATION_ASSIGNED',
  outside: 'NOT_JOINED',
};

export const CALLERS = ['admin', 'supervisor', 'agent', 'candidate', 'nobody'] as const;
export type CallerKind = (typeof CALLERS)[number];

const MATTERS_OF_CONVERSATIONS = [
  'own',
  'team',
  'another',
  'former',
  'open',
  'closed',
  'closedByS',
  'closedByS2',
  'none',
] as const;
const PEOPLE = ['self', 'ownAgent', 'otherAgent', 'customer', 'none'] as const;

export type ConversationObject = (typeof MATTERS_OF_CONVERSATIONS)[number] | 'unjoined';
export type PersonObject = (typeof PEOPLE)[number];

/** Every object an operation must have a line for. */
export function objectsOf(operation: Operation): readonly string[] {
  switch (operation) {
    case 'getUser':
    case 'updateUser':
    case 'eraseUser':
    case 'createPasswordReset':
    case 'sendAway':
    case 'setCapacity':
      return PEOPLE;
    case 'getConversation':
    case 'listMessages':
    case 'assignConversation':
    case 'requeueConversation':
    case 'closeConversation':
    case 'editConversation':
    case 'getTranscript':
    case 'listNotes':
    case 'addNote':
    case 'markRead':
    case 'rateConversation':
    case 'MARK_READ':
    case 'JOIN_CONVERSATION':
      return MATTERS_OF_CONVERSATIONS;
    case 'SEND_MESSAGE':
    case 'LEAVE_CONVERSATION':
    case 'CLOSE_CONVERSATION':
    case 'TYPING':
      return ['unjoined', ...MATTERS_OF_CONVERSATIONS];
    case 'updateReply':
    case 'deleteReply':
      return ['none'];
    default:
      return ['-'];
  }
}

/** What an answer comes down to: `200`, `ok`, or a refusal with its status where it has one: `404 NOT_FOUND`. */
export type Outcome = string;

export const refusal = (code: ErrorCode): Outcome => `${ERRORS[code].status ?? '-'} ${code}`;

export interface PermissionRow {
  readonly operation: string;
  readonly object: string;
  readonly expected: Readonly<Record<CallerKind, Outcome>>;
}

/** The table, read. Throws where a line isn't as wide as the head. */
export function permissionRows(): PermissionRow[] {
  const [head, ...lines] = TABLE.split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter((cells) => cells.length > 1);
  if (head?.join() !== ['operation', 'object', ...CALLERS].join()) throw new Error('the table has another head');
  return lines.map(([operation = '', object = '', ...cells]) => {
    if (cells.length !== CALLERS.length) throw new Error(`${operation} ${object}: ${cells.length} cells`);
    const outcomes = cells.map((cell) => (WORDS[cell] ? refusal(WORDS[cell]) : cell));
    const expected = Object.fromEntries(CALLERS.map((caller, index) => [caller, outcomes[index]]));
    return { operation, object, expected: expected as PermissionRow['expected'] };
  });
}
