export type { Availability as AvailabilityView, AvailabilityEvents, AvailabilitySnapshot } from './availability.ts';
export { type ClientEventMap, type ClientOptions, createClient, type LiveSupportClient } from './client.ts';
export type { Clock } from './clock.ts';
export type {
  Connection,
  ConnectionEvents,
  ConnectionReason,
  ConnectionStatus,
  Socket,
  SocketConstructor,
} from './connection.ts';
export type {
  AnyConversation,
  ConversationEvents,
  ConversationSnapshot,
  ConversationState,
  ConversationView,
  EndReason,
  JoinOptions,
} from './conversation.ts';
export type { Undo } from './emitter.ts';
export { type ClientErrorCode, isLiveSupportError, LiveSupportError } from './errors.ts';
export type { CallOptions, Fetch, Http } from './http.ts';
export { type Locks, localLocks } from './locks.ts';
export type { OutgoingMessage, Sending } from './outbox.ts';
export type { Page } from './page.ts';
export type * from './protocol.ts';
export type { Queue, QueueEvents, QueueSnapshot, QueueState } from './queue.ts';
export type { GetSession, SessionEvents, SessionKeeper, SessionReason } from './session.ts';
export { type ClientStorage, memoryStorage, webStorage } from './storage.ts';
