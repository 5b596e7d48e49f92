import { createRequire } from 'node:module';
import type { Asks } from './serve.ts';

/** What one operation did, in the order in which it happened. Times are milliseconds since the recording began. */
export type Recorded =
  | { readonly is: 'command'; readonly name: string; readonly begunMs: number; readonly endedMs: number }
  | { readonly is: 'post'; readonly event: string; readonly atMs: number };

type Client = {
  on(event: string, listener: (told: { commandName: string; requestId: number }) => void): void;
};

/**
 * Records the database's commands, by the driver's events, and the posts that reach connections. The address of the database
 * must ask for `monitorCommands`.
 */
export function recorder(root: string): { readonly asks: Asks; posted(text: string): void } {
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
    const running = new Map<number, { name: string; begunMs: number }>();
    client.on('commandStarted', ({ commandName: name, requestId }) => {
      if (recorded) running.set(requestId, { name, begunMs: now() });
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
  };
}
