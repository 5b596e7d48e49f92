import type mongoose from 'mongoose';
import { logger } from '../runtime/logger.ts';
import { auditModel } from './audit.ts';
import { closedDayModel, closedSumModel, sumsStateModel } from './closedSums.ts';
import { connectionModel } from './connections.ts';
import { conversationModel } from './conversations.ts';
import { dropIndex } from './database.ts';
import { mailOutboxModel } from './mailOutbox.ts';
import { activeMessageModel, messageModel } from './messages.ts';
import { noteModel } from './notes.ts';
import { openedDayModel } from './openedDays.ts';
import { passwordResetsModel } from './passwordResets.ts';
import { rateLimitModel } from './rateLimits.ts';
import { readModel } from './reads.ts';
import { replyModel } from './replies.ts';
import { firstReleaseTokenModel, sessionModel, spentTokenModel } from './sessions.ts';
import { knownOriginModel, loginAttemptsModel } from './signInAttempts.ts';
import { guardModel, userModel } from './users.ts';

const models: readonly (() => {
  readonly collection: mongoose.Collection;
  readonly schema: { indexes(): [mongoose.IndexDefinition, mongoose.IndexOptions][] };
  createCollection(): Promise<unknown>;
})[] = [
  userModel,
  sessionModel,
  spentTokenModel,
  firstReleaseTokenModel,
  connectionModel,
  conversationModel,
  activeMessageModel,
  messageModel,
  readModel,
  noteModel,
  replyModel,
  rateLimitModel,
  loginAttemptsModel,
  knownOriginModel,
  passwordResetsModel,
  mailOutboxModel,
  auditModel,
  guardModel,
  closedSumModel,
  closedDayModel,
  openedDayModel,
  sumsStateModel,
];

/** Builds every index that the code relies on, and logs it. Safe to repeat. Returns the collections. */
export async function createIndexes(): Promise<string[]> {
  for (const model of models) {
    // A transaction can't create a collection while another one's metadata changes. So create all of them before.
    await model().createCollection();
    await buildMissing(model());
  }
  return models.map((model) => model().collection.name);
}

/** Builds all indexes of a collection at once, so that the server reads the documents once. */
async function buildMissing({ collection, schema }: ReturnType<(typeof models)[number]>): Promise<void> {
  const indexes = schema.indexes() as [Record<string, 1 | -1>, mongoose.mongo.CreateIndexesOptions][];
  const wanted = indexes.map(([key, options]) => ({ ...options, key, name: options.name ?? nameOf(key) }));
  if (wanted.length === 0) return;
  const present = new Set((await collection.indexes()).map(({ name }) => name));
  const missing = wanted.filter(({ name }) => !present.has(name)).length;
  if (missing === 0) return;
  const what = { collection: collection.name, indexes: missing, documents: await collection.estimatedDocumentCount() };
  const begun = Date.now();
  // On an empty collection this takes no time worth a log line.
  if (what.documents > 0) logger.info('building indexes', what);
  await collection.createIndexes(wanted);
  if (what.documents > 0) logger.info('built indexes', { ...what, seconds: (Date.now() - begun) / 1000 });
}

/** The server's name of an index. */
const nameOf = (fields: Readonly<Record<string, 1 | -1>>): string =>
  Object.entries(fields)
    .map((entry) => entry.join('_'))
    .join('_');

/** Indexes of earlier releases that other indexes have replaced. */
const SUPERSEDED: readonly (readonly [model: (typeof models)[number], names: readonly string[]])[] = [
  [
    conversationModel,
    [
      ...['createdAt', 'candidateId_1_createdAt', 'agentId_1_createdAt'].map((fields) => `${fields}_-1__id_-1`),
      ...['supervisorId_1_createdAt', 'closedBy_1_createdAt'].map((fields) => `${fields}_-1__id_-1`),
      'closed_by_supervisor',
    ],
  ],
  [userModel, ['createdAt', 'supervisorId_1_createdAt'].map((fields) => `${fields}_-1__id_-1`)],
  [auditModel, ['createdAt', 'actorId_1_createdAt', 'targetId_1_createdAt'].map((fields) => `${fields}_-1__id_-1`)],
];

/**
 * For migrations: drops replaced indexes, once their replacements are built. Every index costs something at every
 * write.
 */
export async function dropSuperseded(): Promise<void> {
  for (const [model, names] of SUPERSEDED) {
    const { collection } = model();
    const present = (await collection.indexes()).map(({ name }) => name);
    for (const name of names) {
      if (!present.includes(name)) continue;
      await dropIndex(collection, name);
      logger.info('dropped index', { collection: collection.name, index: name });
    }
  }
}
