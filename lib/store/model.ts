import mongoose, { type IndexOptions, type Model, Schema, type SchemaDefinition } from 'mongoose';

mongoose.set('strictQuery', 'throw');
mongoose.set('sanitizeFilter', true);

/** The fields of an index in their order, and its options. */
export type Index = readonly [fields: Readonly<Record<string, 1 | -1>>, options?: IndexOptions];

/**
 * A model of the documents of a collection. A field it doesn't know throws, in a document as in a filter. The indexes
 * are built by `createIndexes`, never by use. Calls are marked `@__PURE__`: a Lambda's bundle drops the models it has no
 * use for, which would take longer to make than the code that uses them.
 */
export function defineModel<R>(
  name: string,
  collection: string,
  fields: SchemaDefinition<R>,
  indexes: readonly Index[] = [],
): Model<R> {
  // `minimize: false`: an empty object is stored as such. `id: false`: nobody asks for `_id` by another name.
  const schema = new Schema<R>(fields, { collection, strict: 'throw', versionKey: false, minimize: false, id: false });
  for (const [keys, options] of indexes) schema.index(keys, options);
  return mongoose.model<R>(name, schema);
}
