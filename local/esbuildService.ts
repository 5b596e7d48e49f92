import childProcess, { type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import process from 'node:process';

const running = new Set<ChildProcess>();
let watching = false;
let ending = false;

/**
 * Keeps hold of the process that esbuild has at work, from its start on. In the middle of a build it must not be ended
 * by closing its input, which is what esbuild's own `stop` does first, and what happens when this process is gone: Go
 * then may take it for a deadlock, and says so on the terminal.
 */
export function watchEsbuild(): void {
  if (watching) return;
  watching = true;
  const { spawn } = childProcess;
  const watched = (command: string, args: readonly string[] = [], options: childProcess.SpawnOptions = {}) => {
    if (!Array.isArray(args) || !args.some((arg) => arg.startsWith('--service='))) return spawn(command, args, options);
    const child = spawn(command, args, {
      ...options,
      // Ctrl-C is for us to hear of first: else builds fail, of which the framework tells.
      detached: process.platform !== 'win32',
      // What it says comes through us: so it says nothing once we are gone.
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

/** Ends it, whatever it is at, and waits until it is gone. Builds under way fail. */
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

/** What doesn't compile, in one line, or `undefined` where that is not what an error is about. */
export function compileError(error: unknown): string | undefined {
  const errors = error instanceof Error && 'errors' in error ? (error.errors as readonly Located[]) : [];
  const [first] = errors;
  if (!first) return undefined;
  const { text, location } = first;
  // As editors and terminals know it, where a column counts from 1.
  const where = location ? `${location.file}:${location.line}:${location.column + 1}: ` : '';
  const more = errors.length > 1 ? ` (and ${errors.length - 1} more)` : '';
  return `The source does not compile: ${where}${text}${more}`;
}
