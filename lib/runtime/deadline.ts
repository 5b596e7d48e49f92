import { AsyncLocalStorage } from 'node:async_hooks';

/**
 * The longest a command may take before its caller is told `UNAVAILABLE`: the driver's own time limits are per attempt,
 * and it makes several.
 */
export const COMMAND_MS = 5_000;

/** The longest the database may work at one operation that belongs to no command: the sweep's, or what follows a command. */
export const OPERATION_MS = 8_000;

/** A command took too long. It may still come to its end: whoever sends it again meets what it did then. */
export class DeadlineExceeded extends Error {
  override readonly name = 'DeadlineExceeded';
}

const deadline = new AsyncLocalStorage<number>();

/** When the command under way is given up, in epoch milliseconds; `COMMAND_MS` from now where none is. */
export const commandEnds = (): number => deadline.getStore() ?? Date.now() + COMMAND_MS;

/** Begins a command of several steps: they have `COMMAND_MS` together. */
export function beginCommand<T>(command: () => T): T {
  return deadline.run(Date.now() + COMMAND_MS, command);
}

/** Runs what follows a command, with time of its own: the command's may be over. */
export function afterCommand<T>(work: () => T): T {
  return deadline.exit(work);
}

/** Runs work that nobody waits for, and that may take as long as it takes: a migration. */
export function withoutDeadline<T>(work: () => T): T {
  return deadline.run(Number.POSITIVE_INFINITY, work);
}

/**
 * The longest the database may work at an operation begun now, in whole milliseconds: until the command it belongs to is
 * given up. `undefined` where there is no limit. Throws `DeadlineExceeded` when the command is over.
 */
export function operationMs(): number | undefined {
  const end = deadline.getStore();
  if (end === undefined) return OPERATION_MS;
  if (end === Number.POSITIVE_INFINITY) return undefined;
  const left = Math.ceil(end - Date.now());
  if (left <= 0) throw new DeadlineExceeded();
  return left;
}

/** Runs a command, or a step of one, waiting for it until the command is given up. Throws `DeadlineExceeded`. */
export async function withinDeadline<T>(step: () => Promise<T>): Promise<T> {
  const end = commandEnds();
  // What its caller has been told is over is not begun.
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
