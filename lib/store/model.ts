import mongoose, { type IndexOptions, type Model, Schema, type SchemaDefinition } from 'mongoose';

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
    made ??= mongoose.model<R>(name, schemaOf(collection, fields, indexes));
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

/** Makes every model that is defined and not yet made: work of some milliseconds, for a moment that is spent waiting. */
export function makeModels(): void {
  for (const model of defined) model();
}
