import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { eventually, HANG_MS, within } from './deadline.ts';

export const PROJECT = resolve(dirname(fileURLToPath(import.meta.url)), '../..');

/** What one start of a program has compiled the next one needn't. */
export const COMPILED = { NODE_COMPILE_CACHE: `${PROJECT}/node_modules/.cache/compiled` } as const;

/** A tool of the project's, run by the Node the tests run on. */
export const SERVERLESS: readonly string[] = [process.execPath, `${PROJECT}/node_modules/.bin/serverless`];

/** What this process has, less what would steer a server elsewhere than the test says. */
function environment(given: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  const steering = [
    'MONGODB_URI',
    'JWT_KEYS',
    'IDENTITY_KEYS',
    'VISITORS',
    'ALLOWED_ORIGINS',
    'DEMO_PEOPLE',
    'LOG_LEVEL',
    'STAGE',
    'NODE_OPTIONS',
    'SLS_LOG_LEVEL',
    'CONSOLE',
    'WIDGET',
    'DOCS',
    'RELOAD',
  ];
  const inherited = Object.entries(process.env).filter(([name]) => !steering.includes(name));
  return {
    ...Object.fromEntries(inherited),
    FORCE_COLOR: '0',
    NO_COLOR: '1',
    ...COMPILED,
    ...given,
  };
}

/** A program as a user runs it in a terminal of its own: what it prints, and Ctrl-C, which reaches its whole group. */
export class Running {
  readonly exited: Promise<number | null>;
  /** Everything printed so far, on either stream. */
  output = '';
  readonly #child: ChildProcess;
  readonly #name: string;
  readonly #listeners = new Set<() => void>();
  #ended = false;

  constructor(command: readonly string[], env: Readonly<Record<string, string>> = {}, cwd = PROJECT) {
    const [program = '', ...args] = command;
    this.#name = [program, ...args].join(' ').replaceAll(`${PROJECT}/`, '').slice(0, 60);
    this.#child = spawn(program, args, { cwd, env: environment(env), detached: true, stdio: 'pipe' });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.output += text;
        this.#changed();
      });
    }
    // Nothing of it may outlive the tests, however they end.
    const killGroup = () => this.#signal('SIGKILL');
    process.once('exit', killGroup);
    // It may be gone before it has read what is typed.
    this.#child.stdin?.on('error', () => undefined);
    this.exited = new Promise((fulfil) => {
      this.#child.once('error', () => fulfil(null));
      this.#child.once('close', (code) => fulfil(code));
    });
    void this.exited.then(() => {
      process.off('exit', killGroup);
      this.#ended = true;
      this.#changed();
    });
  }

  type(line: string): void {
    this.#child.stdin?.write(`${line}\n`);
  }

  endInput(): void {
    this.#child.stdin?.end();
  }

  /** Until it has printed this; answers the match. Rejects, with what it did print, when it ends or time runs out. */
  async printed(pattern: RegExp): Promise<RegExpExecArray> {
    let look: () => void = () => undefined;
    const found = new Promise<RegExpExecArray>((fulfil, reject) => {
      look = () => {
        const match = pattern.exec(this.output);
        if (match) fulfil(match);
        else if (this.#ended) reject(new Error(`${this.#name} ended before it printed ${pattern}`));
      };
    });
    this.#listeners.add(look);
    look();
    try {
      return await within(`${this.#name} to print ${pattern}`, found);
    } catch (error) {
      throw new Error(`${error instanceof Error ? error.message : error}; it printed:\n${this.output}`);
    } finally {
      this.#listeners.delete(look);
    }
  }

  /** Until it has ended by itself; answers the exit code. When time runs out it is killed. */
  async ended(ms = HANG_MS): Promise<number | null> {
    try {
      return await within(`${this.#name} to end`, this.exited, ms);
    } catch (error) {
      this.#signal('SIGKILL');
      throw new Error(`${error instanceof Error ? error.message : error}; it printed:\n${this.output}`);
    }
  }

  /** Ctrl-C, or another signal. Rejects unless it ends, and with it every process it started in this terminal. */
  async interrupt(signal: NodeJS.Signals = 'SIGINT'): Promise<number | null> {
    this.#signal(signal);
    try {
      const code = await this.ended();
      await eventually(`the processes of ${this.#name} to be gone`, async () => !this.#signal(0));
      return code;
    } finally {
      this.#signal('SIGKILL');
    }
  }

  /** A signal that it goes on after. */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#signal(signal);
  }

  /** To the process group; `false` when nobody is left in it. */
  #signal(signal: NodeJS.Signals | 0): boolean {
    try {
      return this.#child.pid !== undefined && process.kill(-this.#child.pid, signal);
    } catch {
      return false;
    }
  }

  #changed(): void {
    for (const look of [...this.#listeners]) look();
  }
}

/** The processes of this machine that hold this text in their command lines or environments, without the latter. */
export async function processesNaming(text: string): Promise<string[]> {
  const { stdout } = await promisify(execFile)('ps', ['axeww', '-o', 'pid=,args='], {
    maxBuffer: 64 * 1024 * 1024,
  });
  return stdout
    .split('\n')
    .filter((line) => line.includes(text))
    .map((line) => line.slice(0, 200));
}
