import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Running, SERVERLESS } from '../support/process.ts';

/** Thirty bundles, on a busy machine. */
const PACKAGING_MS = 300_000;

/** No account, no profile and no command of somebody's shell has a say in what is packaged here. */
export const NO_ACCOUNT: Readonly<Record<string, string>> = {
  AWS_ACCESS_KEY_ID: 'test',
  AWS_SECRET_ACCESS_KEY: 'test',
  AWS_SESSION_TOKEN: '',
  AWS_REGION: 'eu-central-1',
  AWS_CONFIG_FILE: '/dev/null',
  AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
  AWS_EC2_METADATA_DISABLED: 'true',
};

/** Parameters with which a stage sends mails. */
export const MAILS = { MAIL_FROM: 'support@example.com', RESET_URL: 'https://support.example.com/console' } as const;

export interface PackagedService {
  readonly folder: string;
  remove(): Promise<void>;
}

/** As `packageService('prod', MAILS)`, or, where `PACKAGES` names a folder, what `npm run package` has left there. */
export async function packagedService(): Promise<PackagedService> {
  const given = process.env['PACKAGES'];
  if (!given) return packageService('prod', MAILS);
  const folder = await mkdtemp(join(tmpdir(), 'live-support-package-'));
  await cp(given, folder, { recursive: true });
  return { folder, remove: () => rm(folder, { recursive: true, force: true }) };
}

/** What a stage would be deployed with: the packages, and `cloudformation-template-update-stack.json`. */
export async function packageService(
  stage: string,
  parameters: Readonly<Record<string, string>> = {},
): Promise<PackagedService> {
  const ours = await mkdtemp(join(tmpdir(), 'live-support-package-'));
  const folder = join(ours, 'package');
  const given = Object.entries(parameters).flatMap(([name, value]) => ['--param', `${name}=${value}`]);
  const packaging = new Running([...SERVERLESS, 'package', '--stage', stage, '--package', folder, ...given], {
    ...NO_ACCOUNT,
    ...(await temporaryIn(ours)),
  });
  if ((await packaging.ended(PACKAGING_MS)) !== 0) throw new Error(packaging.output);
  return { folder, remove: () => rm(ours, { recursive: true, force: true }) };
}

/** The environment that has a program keep its temporary files in this folder: packaging leaves a copy of each function. */
export async function temporaryIn(folder: string): Promise<Readonly<Record<string, string>>> {
  const TMPDIR = join(folder, 'tmp');
  await mkdir(TMPDIR, { recursive: true });
  return { TMPDIR };
}
