import { trusted } from './database.ts';
import { userModel } from './users.ts';

export interface Person {
  readonly id: string;
  readonly name: string;
  readonly email: string;
  readonly role: string;
  readonly supervisorId: string | null;
  readonly active: boolean;
}

/** Finds every supervisor, every active agent, and the people with these ids. */
export async function findStaff(alsoIds: readonly string[]): Promise<Person[]> {
  const rows = await userModel()
    .find(trusted({ $or: [{ role: 'supervisor' }, { role: 'agent', active: true }, { _id: { $in: alsoIds } }] }), {
      name: 1,
      email: 1,
      role: 1,
      supervisorId: 1,
      active: 1,
    })
    .lean();
  return rows.map(({ _id, email, ...rest }) => ({ id: _id, email: email ?? '', ...rest }));
}
