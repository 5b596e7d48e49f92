import { AuditModel } from './audit.ts';
import { ConnectionModel } from './connections.ts';
import { ConversationModel } from './conversations.ts';
import { KnownOriginModel, LoginAttemptsModel } from './loginAttempts.ts';
import { ActiveMessageModel, MessageModel } from './messages.ts';
import { RateLimitModel } from './rateLimits.ts';
import { RefreshTokenModel, SessionModel } from './sessions.ts';
import { GuardModel, UserModel } from './users.ts';

const models: readonly {
  readonly collection: { readonly name: string };
  createCollection(): Promise<unknown>;
  createIndexes(): Promise<unknown>;
}[] = [
  UserModel,
  SessionModel,
  RefreshTokenModel,
  ConnectionModel,
  ConversationModel,
  ActiveMessageModel,
  MessageModel,
  RateLimitModel,
  LoginAttemptsModel,
  KnownOriginModel,
  AuditModel,
  GuardModel,
];

/** Builds every index the code relies on. Safe to repeat; drops nothing. Answers the collections it saw to. */
export async function createIndexes(): Promise<string[]> {
  for (const model of models) {
    // A transaction can't create a collection beside another one's metadata change: have them all beforehand.
    await model.createCollection();
    await model.createIndexes();
  }
  return models.map((model) => model.collection.name);
}
