import { invalid } from '../protocol/errors.ts';
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

/** Newest first; `_id` settles ties. Both never change, so a page neither repeats nor skips what was there before. */
export const NEWEST_FIRST = { createdAt: -1, _id: -1 } as const;

/** The filter for what comes after the cursor. A cursor names a position only: it grants no sight of anything. */
export function afterCursor(cursor: string | undefined): Record<string, unknown> {
  if (cursor === undefined) return {};
  const { createdAt, _id } = decode(cursor);
  return trusted({ $or: [{ createdAt: { $lt: createdAt } }, { createdAt, _id: { $lt: _id } }] });
}

/** Makes a page of up to `limit + 1` rows read: the extra one says that there is more. */
export function pageOf<R extends Position, T>(rows: R[], limit: number, present: (row: R) => T): Page<T> {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  return {
    items: shown.map(present),
    nextCursor: rows.length > limit && last !== undefined ? encode(last) : null,
  };
}

const encode = ({ createdAt, _id }: Position): string =>
  Buffer.from(`${createdAt.getTime()}.${_id}`).toString('base64url');

function decode(cursor: string): Position {
  const match = /^(\d{1,15})\.([A-Za-z0-9_-]{1,64})$/.exec(Buffer.from(cursor, 'base64url').toString());
  if (!match?.[1] || !match[2]) throw invalid('/query/cursor', 'is not a cursor of ours');
  return { createdAt: new Date(Number(match[1])), _id: match[2] };
}
