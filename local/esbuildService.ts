import childProcess, { type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import process from 'node:process';

const running = new Set<ChildProcess>();
let watching = false;
let ending = false;

/**
 * Keeps track of esbuild's process from its start on. In the middle of a build, closing the process's input must not
 * end it: Go may take that for a deadlock, and says so on the terminal. esbuild's own `stop` closes the input first,
 * and so does the end of this process.
 */
export function watchEsbuild(): void {
  if (watching) return;
  watching = true;
  const { spawn } = childProcess;
  const watched = (command: string, args: readonly string[] = [], options: childProcess.SpawnOptions = {}) => {
    if (!Array.isArray(args) || !args.some((arg) => arg.startsWith('--service='))) return spawn(command, args, options);
    const child = spawn(command, args, {
      ...options,
      // Ctrl-C must reach this process alone: else builds fail, and the framework reports them.
      detached: process.platform !== 'win32',
      // Its output goes through this process, so nothing is printed once this process is gone.
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    child.stderr?.on('data', (text: Buffer) => ending || process.stderr.write(text));
    if (child.stderr && 'unref' in child.stderr && typeof child.stderr.unref === 'function') child.stderr.unref();
    running.add(child);
    child.once('exit', () => running.delete(child));
    return child;
  };
  childProcess.spawn = watched as typeof spawn;
  process.once('exit', () => {
    ending = true;
    for (const child of running) child.kill('SIGKILL');
  });
}

/** Ends esbuild's process in any state, and waits until it is gone. Builds under way fail. */
export async function endEsbuild(): Promise<void> {
  ending = true;
  await Promise.all(
    [...running].map(async (child) => {
      child.ref();
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    }),
  );
}

interface Located {
  readonly text: string;
  readonly location: { readonly file: string; readonly line: number; readonly column: number } | null;
}

/** Returns what doesn't compile, in one line. `undefined` where the error is about something else. */
export function compileError(error: unknown): string | undefined {
  const errors = error instanceof Error && 'errors' in error ? (error.errors as readonly Located[]) : [];
  const [first] = errors;
  if (!first) return undefined;
  const { text, location } = first;
  // Editors and terminals count columns from 1.
  const where = location ? `${location.file}:${location.line}:${location.column + 1}: ` : '';
  const more = errors.length > 1 ? ` (and ${errors.length - 1} more)` : '';
  return `The source does not compile: ${where}${text}${more}`;
}
