import mongoose from 'mongoose';
import { eventually } from './deadline.ts';

let canaries = 0;

/** The TTL monitor has been at this collection: it took something that had to go. */
export async function ttlMonitorRan(name: string): Promise<void> {
  canaries += 1;
  const collection = mongoose.connection.collection<{ _id: string; expiresAt: Date }>(name);
  const _id = `canary-${canaries}`;
  await collection.insertOne({ _id, expiresAt: new Date(0) });
  await eventually('the TTL monitor to run', async () => (await collection.countDocuments({ _id })) === 0);
}
