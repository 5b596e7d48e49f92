import type { ServerFrame } from '../../../lib/protocol/events.ts';
import type { Conversation, Message } from '../../../lib/protocol/objects/conversations.ts';
import type { HttpResult } from '../../support/system.ts';
import type { Invocation } from './disturbance.ts';
import type { RoleName, Scenario } from './scenario.ts';
import type { Version } from './witness.ts';
import type { Players } from './world.ts';

/** One connection from its upgrade on, and what it received. */
export interface Link {
  readonly tab: string;
  readonly of: RoleName;
  readonly connectionId: string;
  readonly frames: { readonly at: number; readonly frame: ServerFrame }[];
  readonly joins: { readonly invocation: Invocation; readonly afterSeq: number; answer: ServerFrame | undefined }[];
  readonly leaves: { readonly invocation: Invocation; answer: ServerFrame | undefined }[];
  /** From these moments on it may miss frames: it leaves, drops, or posts to it fail. */
  readonly troubles: { readonly at: number; readonly why: 'leave' | 'drop' | 'fault' }[];
}

export interface SendAttempt {
  readonly of: RoleName;
  readonly link: Link;
  readonly clientMessageId: string | null;
  /** The message it was sent after. */
  readonly after: string | null;
  readonly content: string;
  readonly invocation: Invocation;
  readonly answer: ServerFrame | undefined;
}

/** Given to an agent, or, `null`, given back. `answer` is `undefined` where it was lost. */
export interface AssignAttempt {
  readonly to: RoleName | null;
  readonly invocation: Invocation;
  answer: HttpResult | undefined;
}

/** A close, or what follows one. `won`: it was this one that closed the conversation, as far as it was told. */
export interface CloseAttempt {
  readonly invocation: Invocation;
  readonly link?: Link;
  readonly after?: string;
  /** It began before another one had ended. */
  overlapped: boolean;
  won: boolean;
}

export interface ReadAttempt {
  readonly of: RoleName;
  readonly invocation: Invocation;
  readonly afterSeq: number;
  readonly answer: HttpResult;
}

/** A request that opened the conversation, or repeated that. */
export interface OpenAttempt {
  readonly invocation: Invocation;
  readonly answer: HttpResult | undefined;
}

/** All that was done and seen in one scenario. */
export interface History {
  readonly scenario: Scenario;
  readonly players: Players;
  readonly conversationId: string;
  readonly trace: string[];
  /** What was wrong already while it was played. */
  readonly complaints: string[];
  readonly links: Link[];
  readonly opens: readonly OpenAttempt[];
  readonly sends: SendAttempt[];
  readonly assigns: AssignAttempt[];
  readonly closes: CloseAttempt[];
  readonly reads: ReadAttempt[];
}

/** How it stands when everything is over: closed, archived, no active copy left. */
export interface Outcome {
  readonly conversation: Conversation;
  /** Conversations there are of those that were opened under the one name. */
  readonly opened: number;
  /** Over HTTP, before and after the active copies were gone. */
  readonly messages: readonly Message[];
  readonly messagesLater: readonly Message[];
  readonly permanent: number;
  readonly active: number;
  readonly versions: readonly Version[];
  /** Connections of the scenario the database still knows. */
  readonly remembered: ReadonlySet<string>;
}
