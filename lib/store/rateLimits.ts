import { isDuplicateKey } from './database.ts';
import { defineModel, native } from './model.ts';

/** The events of one key in one fixed window. The database has them, so a new instance forgets nothing. */
interface RateLimitRecord {
  _id: string;
  count: number;
  expiresAt: Date;
}

export const rateLimitModel = /* @__PURE__ */ defineModel<RateLimitRecord>(
  'RateLimit',
  'rate_limits',
  {
    _id: { type: String, required: true },
    count: { type: Number, required: true },
    expiresAt: { type: Date, required: true },
  },
  [[{ expiresAt: 1 }, { expireAfterSeconds: 0 }]],
);

export interface Window {
  /** The events in this window so far, with these. */
  readonly count: number;
  /** Seconds until the window ends, at least 1. */
  readonly endsIn: number;
}

/**
 * A machine's clock says which window is under way, and the database's clock when a count is deleted. They may be five
 * minutes apart: a count that is deleted before its window is over starts again at nothing.
 */
const CLOCKS_APART_MS = 5 * 60_000;

/** Counts events of `key` in the current window of `seconds`. */
export async function countEvent(key: string, seconds: number, events = 1): Promise<Window> {
  const { ends, endsIn } = currentWindow(seconds);
  const id = `${key}/${ends}`;
  const increment = () =>
    native(rateLimitModel()).findOneAndUpdate(
      { _id: id },
      { $inc: { count: events }, $setOnInsert: { expiresAt: new Date(ends + CLOCKS_APART_MS) } },
      // A count lost in a failover lets one more event through: that is not worth waiting for a majority.
      { upsert: true, returnDocument: 'after', writeConcern: { w: 1 } },
    );
  const record = await increment().catch((error: unknown) => {
    // Of two first events of a window, the second finds the first one's document.
    if (isDuplicateKey(error)) return increment();
    throw error;
  });
  return { count: record?.count ?? events, endsIn };
}

/** Forgets the events of `key` in the current window of `seconds`. Those of the windows before are about to be deleted anyway. */
export async function forgetEvents(key: string, seconds: number): Promise<void> {
  await rateLimitModel().deleteOne({ _id: `${key}/${currentWindow(seconds).ends}` });
}

/** Returns when the window of `seconds` that is under way ends, in epoch milliseconds, and in how many seconds, at least 1. */
export function currentWindow(seconds: number): { readonly ends: number; readonly endsIn: number } {
  const now = Date.now();
  const ends = (Math.floor(now / (seconds * 1000)) + 1) * seconds * 1000;
  return { ends, endsIn: Math.max(1, Math.ceil((ends - now) / 1000)) };
}
