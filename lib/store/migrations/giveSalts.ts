import { trusted } from '../database.ts';
import { newSalt, userModel } from '../users.ts';

const BATCH = 1_000;

/** Gives the users that earlier releases made the salt that users are made with now, some at a time. */
export async function giveSalts(): Promise<void> {
  for (let last = ''; ; ) {
    // The erased have had theirs taken.
    const unsalted = { salt: { $exists: false }, erasedAt: { $exists: false } };
    const page = await userModel()
      .find(trusted({ _id: { $gt: last }, ...unsalted }), { _id: 1 })
      .sort({ _id: 1 })
      .limit(BATCH)
      .lean();
    const end = page.at(-1);
    if (!end) return;
    await userModel().bulkWrite(
      page.map(({ _id }) => ({
        updateOne: { filter: trusted({ _id, ...unsalted }), update: { $set: { salt: newSalt() } } },
      })),
    );
    last = end._id;
  }
}
