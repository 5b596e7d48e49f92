import mongoose, { type IndexOptions, type Model, Schema, type SchemaDefinition } from 'mongoose';
import { operationMs } from '../runtime/deadline.ts';

mongoose.set('strictQuery', 'throw');
mongoose.set('sanitizeFilter', true);

/** The fields of an index in their order, and its options. */
export type Index = readonly [fields: Readonly<Record<string, 1 | -1>>, options?: IndexOptions];

const defined: (() => unknown)[] = [];

/**
 * Defines the model of a collection's documents. It is made on first use, or by `makeModels`. A field that the model
 * doesn't know throws, in a document and in a filter. `createIndexes` builds the indexes; use never does. Calls are
 * marked `@__PURE__`, so that a Lambda's bundle drops models it doesn't use.
 */
export function defineModel<R>(
  name: string,
  collection: string,
  fields: SchemaDefinition<R>,
  indexes: readonly Index[] = [],
): () => Model<R> {
  let made: Model<R> | undefined;
  const model = () => {
    made ??= withTimeLimit(mongoose.model<R>(name, schemaOf(collection, fields, indexes)));
    return made;
  };
  defined.push(model);
  return model;
}

function schemaOf<R>(collection: string, fields: SchemaDefinition<R>, indexes: readonly Index[]): Schema<R> {
  // `minimize: false`: an empty object is stored as it is. `id: false`: `_id` has no second name.
  const schema = new Schema<R>(fields, { collection, strict: 'throw', versionKey: false, minimize: false, id: false });
  for (const [keys, options] of indexes) schema.index(keys, options);
  return schema;
}

/** The methods of a collection that send the server a command, and the position of their options. */
const OPTIONS_AT = {
  aggregate: 1,
  bulkWrite: 1,
  countDocuments: 1,
  deleteMany: 1,
  deleteOne: 1,
  distinct: 2,
  find: 1,
  findOne: 1,
  findOneAndDelete: 1,
  findOneAndUpdate: 2,
  insertMany: 1,
  insertOne: 1,
  updateMany: 2,
  updateOne: 2,
} as const;

type Method = (this: unknown, ...args: unknown[]) => unknown;

/** The option that says how long the server may work at a command: after that time the caller has been told that it failed. */
export function timeLimit(): { readonly maxTimeMS?: number } {
  const maxTimeMS = operationMs();
  return maxTimeMS === undefined ? {} : { maxTimeMS };
}

/**
 * Sends with every operation how long the server may work at it: after that time the caller has been told that it
 * failed, and asks again. This is done below mongoose, where every operation of a model passes.
 */
function withTimeLimit<R>(model: Model<R>): Model<R> {
  const collection = model.collection as unknown as Record<string, Method>;
  for (const [name, place] of Object.entries(OPTIONS_AT)) {
    const method = collection[name];
    if (!method) throw new Error(`a collection has no ${name}`);
    collection[name] = function (...args) {
      args[place] = { ...timeLimit(), ...(args[place] as object | undefined) };
      return method.apply(this, args);
    };
  }
  return model;
}

/**
 * Returns the driver's collection of a model, with the model's time limits. For the commands that every message costs:
 * mongoose takes longer to check and cast one than to send it. What is passed must have the right types already.
 */
export function native<R extends object>(model: Model<R>): mongoose.mongo.Collection<R> {
  return model.collection as unknown as mongoose.mongo.Collection<R>;
}

/**
 * Makes every model that is defined and not yet made. This takes some milliseconds: do it while waiting for something.
 */
export function makeModels(): void {
  for (const model of defined) model();
}
