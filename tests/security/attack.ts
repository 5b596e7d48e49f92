import { createHmac } from 'node:crypto';
import mongoose from 'mongoose';
import { ERRORS, type ErrorCode } from '../../lib/protocol/errors.ts';
import type { Route } from '../../lib/protocol/route.ts';
import { routes } from '../../lib/protocol/routes.ts';
import type { HttpResult } from '../support/system.ts';

/** What an attack must leave as it was. Counters of attempts and the audit trail may well take note of it. */
const COLLECTIONS = [
  'users',
  'sessions',
  'refresh_tokens',
  'spent_refresh_tokens',
  'connections',
  'conversations',
  'active_messages',
  'messages',
];

/**
 * Everything that matters in the database of this process, to compare. A refused frame counts, and may have noted a room that it
 * doesn't enter; a connection that has ended may be on record for a while, and a turn that is over.
 */
export async function state(): Promise<Record<string, unknown[]>> {
  const read = async (name: string) => {
    const rows = await mongoose.connection.collection(name).find().sort({ _id: 1 }).toArray();
    return [
      name,
      rows.map(({ frames: _frames, notedRooms: _notedRooms, turns: _turns, ...row }) => ({
        ...row,
        ...(row['room'] && { room: row['room'].filter(({ ended }: { ended?: true }) => !ended) }),
      })),
    ];
  };
  return Object.fromEntries(await Promise.all(COLLECTIONS.map(read)));
}

/** What a stack trace, a driver's message or a path of ours would look like. */
const INSIDES = /\n {4}at |node_modules|\.[cm]?[jt]s:\d|Mongo|mongoose|E11000|CastError|argon2|\/lib\/|\/functions\//;

/** An answer that refuses, says so in the catalogue's terms, and tells nothing of what is inside. */
export function expectRefused({ status, body }: HttpResult, ...codes: ErrorCode[]): void {
  expect(status).toBeGreaterThanOrEqual(400);
  expect(status).toBeLessThan(500);
  expect(ERRORS).toHaveProperty(body.code);
  if (codes.length > 0) expect(codes).toContain(body.code);
  expect(JSON.stringify(body)).not.toMatch(INSIDES);
}

export const allRoutes = Object.values(routes) as Route[];

/** A route's path with its parameters filled in. */
export const fill = (path: string, id: string): string => path.replace(/\{\w+\}/, id);

const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/** A token of any header and claims, honestly MACed with whatever key; by hand, for libraries refuse to make these. */
export function forge(header: object, claims: object, key: string | Buffer, hash = 'sha256'): string {
  const signed = `${part(header)}.${part(claims)}`;
  return `${signed}.${createHmac(hash, key).update(signed).digest('base64url')}`;
}

/** The header and the claims of a token. */
export function decoded(token: string): { header: Record<string, unknown>; claims: Record<string, unknown> } {
  const [header, claims] = token.split('.').map((text) => {
    try {
      return JSON.parse(Buffer.from(text, 'base64url').toString()) as Record<string, unknown>;
    } catch {
      return {};
    }
  });
  return { header: header ?? {}, claims: claims ?? {} };
}
