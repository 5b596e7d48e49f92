import { AsyncLocalStorage } from 'node:async_hooks';

/**
 * The longest a command may take before its caller is answered `UNAVAILABLE`. The driver's own time limits are per
 * attempt, and the driver makes several attempts.
 */
export const COMMAND_MS = 5_000;

/** The longest the database may work at one operation outside of a command: the sweep's, or work after an answer. */
export const OPERATION_MS = 8_000;

/** A command took too long. Its effect may still come about: a repetition of the command then finds that effect. */
export class DeadlineExceeded extends Error {
  override readonly name = 'DeadlineExceeded';
}

const deadline = new AsyncLocalStorage<number>();

/**
 * Returns when the command under way is given up, in epoch milliseconds. Outside of a command: `COMMAND_MS` from now.
 */
export const commandEnds = (): number => deadline.getStore() ?? Date.now() + COMMAND_MS;

/** Begins a command of several steps, which have `COMMAND_MS` together. */
export function beginCommand<T>(command: () => T): T {
  return deadline.run(Date.now() + COMMAND_MS, command);
}

/** Runs work that follows a command, outside of its deadline: the command's time may be over. */
export function afterCommand<T>(work: () => T): T {
  return deadline.exit(work);
}

/** Runs work without a deadline: a migration, which may take as long as it takes. */
export function withoutDeadline<T>(work: () => T): T {
  return deadline.run(Number.POSITIVE_INFINITY, work);
}

/**
 * Returns how long the database may work at an operation that begins now, in whole milliseconds: until its command is
 * given up. `undefined` means no limit. Throws `DeadlineExceeded` when the command is over.
 */
export function operationMs(): number | undefined {
  const end = deadline.getStore();
  if (end === undefined) return OPERATION_MS;
  if (end === Number.POSITIVE_INFINITY) return undefined;
  const left = Math.ceil(end - Date.now());
  if (left <= 0) throw new DeadlineExceeded();
  return left;
}

/** Runs a command, or a step of one, and waits for it until the command is given up. Throws `DeadlineExceeded`. */
export async function withinDeadline<T>(step: () => Promise<T>): Promise<T> {
  const end = commandEnds();
  // The deadline has passed: start no further step.
  if (Date.now() >= end) throw new DeadlineExceeded();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new DeadlineExceeded()), end - Date.now());
  });
  try {
    return await Promise.race([deadline.run(end, step), late]);
  } finally {
    clearTimeout(timer);
  }
}
