import { errorFields, type LogFields } from '../../runtime/logger.ts';

/** So many failures in one run are not the fault of single conversations. */
const MOST_FAILURES = 10;

/**
 * Returns a function that runs a step with one conversation. A step that fails is logged and returns `null`, so that it doesn't
 * keep other conversations from theirs; the clock tries it again. The tenth failure is thrown.
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
