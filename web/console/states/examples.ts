import type {
  AnyConversation,
  Message,
  Note,
  OutgoingMessage,
  StaffConversation,
  User,
} from '../../../client/src/index.ts';
import { LiveSupportError } from '../../../client/src/index.ts';
import type { Failure } from '../app/errors.ts';

/** What the states are shown with: long names, long words, both directions of writing. */

const at = (minutesAgo: number): string => new Date(Date.now() - minutesAgo * 60_000).toISOString();

export const failure: Failure = {
  said: 'The service can’t be reached. Check your connection and try again.',
  fields: {},
  requestId: null,
};
export const refusal: Failure = { said: 'Your role may not do this.', fields: {}, requestId: 'JkX3vgAOjoEEJ5Q=' };

export const conversation = (changes: Partial<StaffConversation> & Pick<AnyConversation, 'id'>): StaffConversation => ({
  subject: 'My parcel says delivered, but it isn’t here',
  status: 'assigned',
  candidateId: 'customer',
  agentId: 'agent',
  supervisorId: 'supervisor',
  lastSeq: 12,
  createdAt: at(95),
  assignedAt: at(90),
  firstResponseAt: at(88),
  closedAt: null,
  closedBy: null,
  candidate: { id: 'customer', name: 'Mara Lindqvist', email: 'mara@example.com' },
  agent: { id: 'agent', name: 'Agent One' },
  lastMessageAt: at(4),
  revision: 3,
  priority: 'normal',
  tags: [],
  requeues: 0,
  context: null,
  rating: null,
  ...changes,
});

const LONG = 'Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft';

export const rows = [
  { of: conversation({ id: 'plain' }), unread: 0, isWaiting: false, isTyping: false, hasDraft: false },
  {
    of: conversation({
      id: 'unread',
      candidate: { id: 'c', name: 'Tomás Herrera', email: null },
      subject: 'Refund for order 48213',
      priority: 'urgent',
      tags: ['refund', 'vip', 'second-time'],
      lastMessageAt: at(0),
    }),
    unread: 3,
    isWaiting: true,
    isTyping: false,
    hasDraft: false,
  },
  {
    of: conversation({
      id: 'many',
      candidate: { id: 'c', name: LONG, email: null },
      subject: LONG + LONG,
      tags: [LONG.toLowerCase().slice(0, 32)],
    }),
    unread: 140,
    isWaiting: true,
    isTyping: false,
    hasDraft: false,
  },
  {
    of: conversation({
      id: 'typing',
      candidate: { id: 'c', name: 'ليلى حداد', email: null },
      subject: 'أين طلبي؟',
      priority: 'high',
    }),
    unread: 0,
    isWaiting: true,
    isTyping: true,
    hasDraft: false,
  },
  {
    of: conversation({
      id: 'draft',
      candidate: { id: 'c', name: 'Yuki Tanaka', email: null },
      priority: 'low',
      lastMessageAt: at(60 * 30),
    }),
    unread: 0,
    isWaiting: true,
    isTyping: false,
    hasDraft: true,
  },
  {
    of: conversation({
      id: 'rated',
      status: 'closed',
      closedAt: at(60 * 24 * 9),
      lastMessageAt: at(60 * 24 * 9),
      rating: { score: 5, comment: 'Quick and kind.', ratedAt: at(60 * 24 * 8) },
    }),
    unread: 0,
    isWaiting: false,
    isTyping: false,
    hasDraft: false,
  },
] as const;

export const full = conversation({
  id: 'full',
  priority: 'high',
  tags: ['delivery', 'damaged', 'vip'],
  requeues: 2,
  context: { page: 'https://shop.example.com/orders/48213', order: '48213', version: `2026.11-${LONG}` },
  rating: { score: 4, comment: 'Kind, but it took long.', ratedAt: at(2) },
});

const message = (seq: number, minutesAgo: number, isCustomers: boolean, content: string): Message => ({
  id: `m${seq}`,
  conversationId: 'full',
  seq,
  senderId: isCustomers ? 'customer' : 'agent',
  senderRole: isCustomers ? 'candidate' : 'agent',
  senderName: isCustomers ? 'Mara Lindqvist' : 'Agent One',
  content,
  clientMessageId: null,
  sentAt: at(minutesAgo),
});

export const messages: readonly Message[] = [
  message(1, 60 * 26, true, 'Hello, my parcel says delivered, but it isn’t here.'),
  message(2, 60 * 26, true, 'The number is 48213.'),
  message(
    3,
    60 * 25,
    false,
    'I am sorry about that. The carrier says: https://track.example.com/48213?lang=en (updated today).',
  ),
  message(4, 9, true, LONG + LONG),
  message(5, 8, true, '<b>This is text, no markup</b> & javascript:alert(1)\n\nA second paragraph.'),
  message(6, 7, true, 'مرحبا، شكرا لك على المساعدة!'),
];

export const notes: readonly Note[] = [
  {
    id: 'n1',
    conversationId: 'full',
    authorId: 'supervisor',
    authorName: 'Supervisor One',
    content: 'Second time this month. Offer free express shipping.',
    clientNoteId: null,
    createdAt: at(60 * 24.9),
  },
];

const outgoing = (id: string, state: OutgoingMessage['state'], content: string): OutgoingMessage => ({
  clientMessageId: id,
  conversationId: 'full',
  content,
  createdAt: Date.now(),
  state,
  error: state === 'failed' ? new LiveSupportError('CONVERSATION_CLOSED', 'the conversation is closed') : null,
  seq: null,
});

export const outbox: readonly OutgoingMessage[] = [
  outgoing('o1', 'accepted', 'Let me ask the carrier.'),
  outgoing('o2', 'sending', 'One moment, please.'),
  outgoing('o3', 'failed', 'This one was refused.'),
];

export const agent = (name: string, availability: 'available' | 'away', maxConversations = 5): User => ({
  id: name,
  name,
  email: `${name.toLowerCase().replaceAll(' ', '.')}@example.com`,
  role: 'agent',
  supervisorId: 'supervisor',
  active: true,
  createdAt: at(9_000),
  maxConversations,
  availability,
});

export const waiting = [
  conversation({
    id: 'w1',
    status: 'open',
    agentId: null,
    agent: null,
    priority: 'urgent',
    createdAt: at(12),
    tags: ['refund'],
  }),
  conversation({
    id: 'w2',
    status: 'open',
    agentId: null,
    agent: null,
    createdAt: at(1),
    requeues: 1,
    candidate: { id: 'c', name: LONG, email: null },
  }),
  conversation({ id: 'w3', status: 'open', agentId: null, agent: null, createdAt: at(0.2) }),
] as const;
