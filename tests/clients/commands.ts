import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Generators come over the network. This only bounds a hang. */
const RUN_MS = 15 * 60_000;

/** A command that ended otherwise than well; the message has all it said. */
export class CommandFailed extends Error {
  override readonly name = 'CommandFailed';
}

/** Runs a command to its end. Fulfils with all it said; throws `CommandFailed`. */
export async function command(
  folder: string,
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const options = { cwd: folder, env: { ...process.env, ...env }, maxBuffer: 256 * 1024 * 1024, timeout: RUN_MS };
  try {
    const { stdout, stderr } = await run(program, args, options);
    return stdout + stderr;
  } catch (error) {
    const { stdout = '', stderr = '', message } = error as Error & { stdout?: string; stderr?: string };
    throw new CommandFailed(`${program} ${args.join(' ')}\n${stdout}${stderr}` || message);
  }
}

/** The commands of toolchains, and how each is asked for its version. */
const VERSION = { python3: '--version', go: 'version', java: '-version', mvn: '-version' } as const;

export type Tool = keyof typeof VERSION;

/** Does this command run here? */
export async function isThere(tool: Tool): Promise<boolean> {
  return run(tool, [VERSION[tool]]).then(
    () => true,
    () => false,
  );
}
