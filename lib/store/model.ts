import mongoose, { type IndexOptions, type Model, Schema, type SchemaDefinition } from 'mongoose';
import { operationMs } from '../runtime/deadline.ts';

mongoose.set('strictQuery', 'throw');
mongoose.set('sanitizeFilter', true);

/** The fields of an index in their order, and its options. */
export type Index = readonly [fields: Readonly<Record<string, 1 | -1>>, options?: IndexOptions];

const defined: (() => unknown)[] = [];

/**
 * A model of the documents of a collection, made when it is first asked for or by `makeModels`. A field it doesn't know
 * throws, in a document as in a filter. The indexes are built by `createIndexes`, never by use. Calls are marked
 * `@__PURE__`: a Lambda's bundle drops the models it has no use for.
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
  // `minimize: false`: an empty object is stored as such. `id: false`: nobody asks for `_id` by another name.
  const schema = new Schema<R>(fields, { collection, strict: 'throw', versionKey: false, minimize: false, id: false });
  for (const [keys, options] of indexes) schema.index(keys, options);
  return schema;
}

/** The methods of a collection that ask something of the server, and where each takes its options. */
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

/**
 * Sends with every operation how long the server may work at it: whoever asked has been told by then that it failed, and
 * asks again. It is done below mongoose, where everything passes that a model does.
 */
function withTimeLimit<R>(model: Model<R>): Model<R> {
  const collection = model.collection as unknown as Record<string, Method>;
  for (const [name, place] of Object.entries(OPTIONS_AT)) {
    const method = collection[name];
    if (!method) throw new Error(`a collection has no ${name}`);
    collection[name] = function (...args) {
      const maxTimeMS = operationMs();
      if (maxTimeMS !== undefined) args[place] = { maxTimeMS, ...(args[place] as object | undefined) };
      return method.apply(this, args);
    };
  }
  return model;
}

/** Makes every model that is defined and not yet made: work of some milliseconds, for a moment that is spent waiting. */
export function makeModels(): void {
  for (const model of defined) model();
}
