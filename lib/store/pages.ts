import type { Model, QueryFilter } from 'mongoose';
import { invalid } from '../errors/appError.ts';
import { trusted } from './database.ts';

export interface PageRequest {
  readonly limit: number;
  readonly cursor?: string | undefined;
}

export interface Page<T> {
  readonly items: T[];
  readonly nextCursor: string | null;
}

interface Position {
  readonly createdAt: Date;
  readonly _id: string;
}

/** Newest first; `_id` decides between equals. Neither ever changes, so a page neither repeats nor skips an item. */
export const NEWEST_FIRST = { createdAt: -1, _id: -1 } as const;
export const OLDEST_FIRST = { createdAt: 1, _id: 1 } as const;
type Order = typeof NEWEST_FIRST | typeof OLDEST_FIRST;

/** Fields and the values that they must have. */
export type Equalities = Readonly<Record<string, string | boolean | null>>;

/**
 * Reads a page of the documents that match one of `cases`, newest first unless `order` says otherwise; of each these `fields`. A cursor is a position only: it lets nobody
 * see anything.
 *
 * Each case must name all fields of some index but `createdAt` and `_id`, with which the index then ends. The server
 * reads every case from its index in the order of the list, and merges them. So a page costs what is on it: no sort
 * waits for everything that matches, and the server looks at no more than it returns.
 */
export async function readPage<R extends Position, T>(
  model: Model<R>,
  cases: readonly Equalities[],
  { limit, cursor }: PageRequest,
  present: (row: R) => T,
  {
    order = NEWEST_FIRST,
    fields,
  }: { readonly order?: Order; readonly fields?: Readonly<Record<string, unknown>> } = {},
): Promise<Page<T>> {
  const after = cursor === undefined ? null : decodeCursor(cursor);
  const branches = cases.flatMap((equal) => (after ? afterPosition(equal, after, order) : [{ ...equal }]));
  if (branches.length === 0) return { items: [], nextCursor: null };
  const [only = {}] = branches;
  const rows = await model
    .find(trusted(branches.length === 1 ? only : { $or: branches }) as QueryFilter<R>, fields)
    .sort(order)
    .limit(limit + 1)
    .lean<R[]>();
  // One item beyond the limit says that there is more.
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  return { items: shown.map(present), nextCursor: rows.length > limit && last ? encodeCursor(last) : null };
}

/** The part of a case that comes after a position: newest first, an earlier `createdAt`, or the same one and a lower `_id`. */
function afterPosition(equal: Equalities, { createdAt, _id }: Position, order: Order): object[] {
  const beyond = order === NEWEST_FIRST ? '$lt' : '$gt';
  return [
    { ...equal, createdAt: { [beyond]: createdAt } },
    { ...equal, createdAt, _id: { [beyond]: _id } },
  ];
}

/**
 * Repeats the cases for every value of a field that they don't name, because an index may have that field in front of
 * the fields they name.
 */
export const forEvery = (
  cases: readonly Equalities[],
  field: string,
  values: readonly (string | boolean)[],
): Equalities[] =>
  cases.flatMap((equal) => (field in equal ? [equal] : values.map((value) => ({ ...equal, [field]: value }))));

/** Returns the fields that have a value: mongoose would turn `undefined` into `null`. */
export function defined<T extends object>(fields: T): Record<string, Exclude<T[keyof T], undefined>> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

/** Joins two sets of conditions; `null` where they contradict each other. */
export function both(one: Equalities, other: Equalities): Equalities | null {
  const contrary = Object.keys(one).some((field) => field in other && other[field] !== one[field]);
  return contrary ? null : { ...one, ...other };
}

const encodeCursor = ({ createdAt, _id }: Position): string =>
  Buffer.from(`${createdAt.getTime()}.${_id}`).toString('base64url');

export function decodeCursor(cursor: string): Position {
  const match = /^(\d{1,15})\.([A-Za-z0-9_-]{1,64})$/.exec(Buffer.from(cursor, 'base64url').toString());
  if (!match?.[1] || !match[2]) throw invalid('/query/cursor', 'is not a cursor of ours');
  return { createdAt: new Date(Number(match[1])), _id: match[2] };
}
