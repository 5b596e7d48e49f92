import mongoose from 'mongoose';

/** Everything the database holds, as text. */
export async function everything(): Promise<string> {
  const collections = (await mongoose.connection.db?.collections()) ?? [];
  const named = collections.toSorted((a, b) => a.collectionName.localeCompare(b.collectionName));
  return JSON.stringify(await Promise.all(named.map((collection) => collection.find().sort({ _id: 1 }).toArray())));
}
