import { spawn } from 'node:child_process';

/**
 * The seeded histories, desks and hostile networks by the thousand: `SEEDS=5000 FIRST_SEED=1 node tests/faults/soak.ts`, or one of
 * them, `… soak.ts desk`. The first failing seed is printed with what was done and the way to run it again.
 */
const kinds = process.argv.length > 2 ? process.argv.slice(2) : ['history', 'desk', 'hostile'];
const seeds = Number(process.env['SEEDS'] ?? 2_000);
const jest = spawn(
  process.execPath,
  [
    ...['--experimental-vm-modules', '--no-warnings', 'node_modules/jest/bin/jest.js'],
    ...kinds.map((kind) => (kind === 'hostile' ? 'tests/client/hostile' : `tests/faults/${kind}`)),
  ],
  {
    stdio: 'inherit',
    env: {
      FIRST_SEED: '100000',
      ...process.env,
      SEEDS: String(seeds),
      PROGRESS: 'yes',
      SOAK_MS: String(120_000 + seeds * 2_000),
    },
  },
);
jest.once('exit', (code) => {
  process.exitCode = code ?? 1;
});
