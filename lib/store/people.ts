import { collectionOf } from './database.ts';
import { timeLimit } from './model.ts';
import { READS, readId } from './reads.ts';

/** For queries that join users from another collection without their model. */
export const USERS = 'users';

/** The name of somebody who is erased. */
export const ERASED_NAME = 'Erased';

/** What is shown of a person beside a conversation. */
export interface Person {
  readonly name: string;
  readonly email: string | null;
}

/** People by their ids. */
export type People = ReadonlyMap<string, Person>;

/** Reads people's present names and addresses, in one read. Without a model, because most callers need no other field. */
export async function peopleOf(ids: readonly string[]): Promise<People> {
  const wanted = [...new Set(ids)];
  if (wanted.length === 0) return new Map();
  const rows = await collectionOf<{ _id: string } & Person>(USERS)
    .find({ _id: { $in: wanted } }, { projection: { name: 1, email: 1 }, ...timeLimit() })
    .toArray();
  return new Map(rows.map(({ _id, name, email }) => [_id, { name, email }]));
}

/** People, and how many messages of the other side somebody has read of each conversation that they have marked. */
export interface PeopleAndReads {
  readonly people: People;
  readonly readOthers: ReadonlyMap<string, number>;
}

/** Reads people, and a reader's marks in these conversations, in one read at most. */
export async function peopleAndReads(
  ids: readonly string[],
  conversationIds: readonly string[],
  readerId: string,
): Promise<PeopleAndReads> {
  if (conversationIds.length === 0) return { people: await peopleOf(ids), readOthers: new Map() };
  type Row = { readonly person?: { _id: string } & Person; readonly read?: { id: string; others: number } };
  const rows = await collectionOf<{ _id: string } & Person>(USERS)
    .aggregate<Row>(
      [
        { $match: { _id: { $in: [...new Set(ids)] } } },
        { $project: { _id: 0, person: { _id: '$_id', name: '$name', email: '$email' } } },
        {
          $unionWith: {
            coll: READS,
            pipeline: [
              { $match: { _id: { $in: conversationIds.map((id) => readId(id, readerId)) } } },
              { $project: { _id: 0, read: { id: '$conversationId', others: '$others' } } },
            ],
          },
        },
      ],
      timeLimit(),
    )
    .toArray();
  return {
    people: new Map(
      rows.flatMap(({ person }) => (person ? [[person._id, { name: person.name, email: person.email }]] : [])),
    ),
    readOthers: new Map(rows.flatMap(({ read }) => (read ? [[read.id, read.others]] : []))),
  };
}
