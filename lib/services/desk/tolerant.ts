import { errorFields, type LogFields } from '../../runtime/logger.ts';

/** So many failures in one run are not the fault of single conversations. */
const MOST_FAILURES = 10;

/**
 * Returns what takes a step with one conversation after the other: one that fails must not keep the others from theirs, and the
 * clock tries it again. A step that fails is logged and returns `null`; the tenth one throws.
 */
export function tolerant(
  log: (fields: LogFields) => void,
): <T>(conversationId: string, step: () => Promise<T>) => Promise<T | null> {
  let failures = 0;
  return async (conversationId, step) => {
    try {
      return await step();
    } catch (error) {
      log({ conversationId, ...errorFields(error) });
      failures += 1;
      if (failures === MOST_FAILURES) throw error;
      return null;
    }
  };
}
