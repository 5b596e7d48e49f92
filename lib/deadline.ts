/**
 * The longest a command may take before its caller is told `UNAVAILABLE`: the driver's own time limits are per attempt,
 * and it makes several.
 */
export const COMMAND_MS = 5_000;

/** A command took too long. It may still come to its end: whoever sends it again meets what it did then. */
export class DeadlineExceeded extends Error {
  override readonly name = 'DeadlineExceeded';
}

/** Waits for a command at most `COMMAND_MS`. Throws `DeadlineExceeded`. */
export async function withinDeadline<T>(command: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new DeadlineExceeded()), COMMAND_MS);
  });
  try {
    return await Promise.race([command, late]);
  } finally {
    clearTimeout(timer);
  }
}
