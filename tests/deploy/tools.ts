import { execFile } from 'node:child_process';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { LocalError } from '../../local/localError.ts';
import { PROJECT } from '../support/process.ts';

/** What the proofs need of Python's world, in the versions they are known to work with. */
const REQUIREMENTS = {
  lint: ['cfn-lint==1.58.0', 'checkov==3.3.30'],
  emulatedAws: ['moto[server]==5.2.5', 'boto3'],
} as const;

const run = promisify(execFile);

/**
 * The folder with these tools' commands, `python` among them. Installed when first asked for, into `.local/`, and again
 * when the versions above change. Throws `LocalError` where there is no Python.
 */
export async function pythonTools(name: keyof typeof REQUIREMENTS): Promise<string> {
  const folder = join(PROJECT, '.local', 'python', name);
  const bin = join(folder, 'bin');
  const wanted = REQUIREMENTS[name].join('\n');
  const noted = join(folder, 'requirements');
  if ((await readFile(noted, 'utf8').catch(() => '')) === wanted) return bin;

  console.log(`Installing ${REQUIREMENTS[name].join(' and ')}: once, a minute or two.`);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  try {
    await run('python3', ['-m', 'venv', folder]);
  } catch (error) {
    throw new LocalError(
      `${REQUIREMENTS[name].join(' and ')} need Python 3.10 or later with its venv module (on Debian and Ubuntu: python3-venv). ` +
        `Tried: python3 -m venv ${folder}: ${error instanceof Error ? error.message : error}`,
    );
  }
  await run(join(bin, 'pip'), ['install', '--quiet', '--disable-pip-version-check', ...REQUIREMENTS[name]], {
    maxBuffer: 16 * 1024 * 1024,
  });
  await writeFile(noted, wanted);
  return bin;
}
