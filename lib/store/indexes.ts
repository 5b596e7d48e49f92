import { auditModel } from './audit.ts';
import { connectionModel } from './connections.ts';
import { conversationModel } from './conversations.ts';
import { knownOriginModel, loginAttemptsModel } from './loginAttempts.ts';
import { activeMessageModel, messageModel } from './messages.ts';
import { rateLimitModel } from './rateLimits.ts';
import { firstReleaseTokenModel, sessionModel, spentTokenModel } from './sessions.ts';
import { guardModel, userModel } from './users.ts';

const models: readonly (() => {
  readonly collection: { readonly name: string };
  createCollection(): Promise<unknown>;
  createIndexes(): Promise<unknown>;
})[] = [
  userModel,
  sessionModel,
  spentTokenModel,
  firstReleaseTokenModel,
  connectionModel,
  conversationModel,
  activeMessageModel,
  messageModel,
  rateLimitModel,
  loginAttemptsModel,
  knownOriginModel,
  auditModel,
  guardModel,
];

/** Builds every index the code relies on. Safe to repeat; drops nothing. Answers the collections it saw to. */
export async function createIndexes(): Promise<string[]> {
  for (const model of models) {
    // A transaction can't create a collection beside another one's metadata change: have them all beforehand.
    await model().createCollection();
    await model().createIndexes();
  }
  return models.map((model) => model().collection.name);
}
