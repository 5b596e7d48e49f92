import { Session } from 'node:inspector/promises';
import type { Asks } from './asks.ts';

/** Where a process spends its processor time, by V8's sampling profiler: milliseconds by the file at the top of the stack. */
export type FileTimes = Readonly<Record<string, number>>;

const SAMPLE_MICROSECONDS = 200;

/** The questions that begin a profile and end it. */
export function profiled(): Asks {
  let session: Session | undefined;
  return {
    profileBegin: async () => {
      session = new Session();
      session.connect();
      await session.post('Profiler.enable');
      await session.post('Profiler.setSamplingInterval', { interval: SAMPLE_MICROSECONDS });
      await session.post('Profiler.start');
    },
    profileEnd: async (): Promise<FileTimes> => {
      if (!session) throw new Error('no profile was begun');
      const { profile } = await session.post('Profiler.stop');
      session.disconnect();
      session = undefined;
      const files = new Map(
        profile.nodes.map(({ id, callFrame }) => [id, callFrame.url || callFrame.functionName || '(native)']),
      );
      const times: Record<string, number> = {};
      for (const [index, node] of (profile.samples ?? []).entries()) {
        const file = files.get(node) ?? '(native)';
        times[file] = (times[file] ?? 0) + (profile.timeDeltas?.[index] ?? 0) / 1000;
      }
      return times;
    },
  };
}
