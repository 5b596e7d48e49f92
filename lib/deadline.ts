import { AsyncLocalStorage } from 'node:async_hooks';

/**
 * The longest a command may take before its caller is told `UNAVAILABLE`: the driver's own time limits are per attempt,
 * and it makes several.
 */
export const COMMAND_MS = 5_000;

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
