import { createRequire } from 'node:module';
import type { Asks } from './asks.ts';

/** What one operation did, in the order in which it happened. Times are milliseconds since the recording began. */
export type Recorded =
  | {
      readonly is: 'command';
      readonly name: string;
      /** What it is about. */
      readonly collection: string | null;
      readonly begunMs: number;
      readonly endedMs: number;
    }
  | { readonly is: 'post'; readonly event: string; readonly atMs: number }
  /** A function was called. */
  | { readonly is: 'call'; readonly atMs: number };

interface Told {
  readonly commandName: string;
  readonly requestId: number;
  /** Once it has started. */
  readonly command?: Readonly<Record<string, unknown>>;
}

type Client = { on(event: string, listener: (told: Told) => void): void };

/**
 * Records the database's commands, by the driver's events, the calls of functions, and the posts that reach connections. The
 * address of the database must ask for `monitorCommands`.
 */
export function recorder(root: string): { readonly asks: Asks; posted(text: string): void; called(): void } {
  let recorded: Recorded[] | undefined;
  let begunAt = 0;
  let isWatching = false;
  const now = () => performance.now() - begunAt;
  const watch = () => {
    if (isWatching) return;
    isWatching = true;
    // The handlers' own mongoose, wherever they are.
    const mongoose = createRequire(`${root}/package.json`)('mongoose') as { connection: { getClient(): Client } };
    const client = mongoose.connection.getClient();
    const running = new Map<number, { name: string; collection: string | null; begunMs: number }>();
    client.on('commandStarted', ({ commandName: name, requestId, command = {} }) => {
      const about = command[name];
      const collection = typeof about === 'string' ? about : null;
      if (recorded) running.set(requestId, { name, collection, begunMs: now() });
    });
    const ended = ({ requestId }: { requestId: number }) => {
      const command = running.get(requestId);
      running.delete(requestId);
      if (command) recorded?.push({ is: 'command', ...command, endedMs: now() });
    };
    client.on('commandSucceeded', ended);
    client.on('commandFailed', ended);
  };
  return {
    asks: {
      record: () => {
        watch();
        recorded = [];
        begunAt = performance.now();
      },
      recorded: (): Recorded[] => {
        const all = recorded ?? [];
        recorded = undefined;
        const start = (one: Recorded) => (one.is === 'command' ? one.begunMs : one.atMs);
        return all.toSorted((a, b) => start(a) - start(b));
      },
    },
    posted: (text) => {
      if (recorded) recorded.push({ is: 'post', event: (JSON.parse(text) as { event: string }).event, atMs: now() });
    },
    called: () => void recorded?.push({ is: 'call', atMs: now() }),
  };
}
