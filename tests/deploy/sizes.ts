import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PROJECT } from '../support/process.ts';
import { packagedService } from './packaging.ts';
import { service } from './service.ts';

/**
 * `npm run sizes`: what each function's package weighs, against sizes.json. Fails where one weighs a tenth more than
 * it may; `npm run sizes -- --accept` makes today's weights the budget.
 */

const BUDGET = join(PROJECT, 'tests', 'deploy', 'sizes.json');
const TOLERANCE = 1.1;
const KILO = 1000;

const packaged = await packagedService();
try {
  const names = Object.keys(service.functions);
  const sizes = await Promise.all(
    names.map(
      async (name) => [name, Math.ceil((await stat(join(packaged.folder, `${name}.zip`))).size / KILO)] as const,
    ),
  );
  if (process.argv.includes('--accept')) {
    await writeFile(BUDGET, `${JSON.stringify({ unit: 'kB', ...Object.fromEntries(sizes) }, null, 2)}\n`);
  }
  const budget = JSON.parse(await readFile(BUDGET, 'utf8')) as Readonly<Record<string, number>>;
  const rows = sizes.map(([name, size]) => {
    const allowed = budget[name] ?? 0;
    return { function: name, kB: size, budget: allowed, verdict: size <= allowed * TOLERANCE ? '' : 'TOO LARGE' };
  });
  console.table(rows);
  const over = rows.filter(({ verdict }) => verdict !== '');
  if (over.length > 0) {
    console.error(
      `${over.map((row) => row.function).join(', ')}: more than a tenth over budget (tests/deploy/sizes.json)`,
    );
    process.exitCode = 1;
  }
} finally {
  await packaged.remove();
}
