import { spawnSync } from 'node:child_process';
import process from 'node:process';
import { PROJECT } from '../support/process.ts';
import { provideChromium } from './support/chromium.ts';

/** `npm run test:browser`. Where there is no Chromium and none can be installed, it says so in one line, and ends with 3. */

const NO_CHROMIUM = 3;
const JEST = [
  '--experimental-vm-modules',
  '--no-warnings',
  'node_modules/jest/bin/jest.js',
  ...['--config', 'tests/browser/jest.config.js'],
];

let chromium: string;
try {
  chromium = await provideChromium();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(NO_CHROMIUM);
}
const { status } = spawnSync(process.execPath, [...JEST, ...process.argv.slice(2)], {
  cwd: PROJECT,
  env: { ...process.env, CHROMIUM: chromium },
  stdio: 'inherit',
});
process.exit(status ?? 1);
