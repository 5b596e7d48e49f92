import { execFile } from 'node:child_process';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { PROJECT } from '../../tests/support/process.ts';

/** The release before the send path was made faster: what "less than before" is measured against. */
const BASELINE = process.env['BASELINE'] || '9924cf4';

const run = promisify(execFile);

/** Another commit's tree in a folder of its own, with the packages of this one. */
export interface Baseline {
  readonly commit: string;
  readonly root: string;
  remove(): Promise<void>;
}

/** Returns `null` where the commit isn't there, as in a shallow clone. */
export async function checkOutBaseline(): Promise<Baseline | null> {
  try {
    await run('git', ['rev-parse', '--verify', `${BASELINE}^{commit}`], { cwd: PROJECT });
  } catch {
    return null;
  }
  const root = await mkdtemp(join(tmpdir(), 'live-support-baseline-'));
  const archive = join(root, 'tree.tar');
  await run('git', ['archive', '--output', archive, BASELINE], { cwd: PROJECT });
  await run('tar', ['-xf', archive, '-C', root]);
  await symlink(join(PROJECT, 'node_modules'), join(root, 'node_modules'));
  return { commit: BASELINE, root, remove: () => rm(root, { recursive: true, force: true }) };
}
