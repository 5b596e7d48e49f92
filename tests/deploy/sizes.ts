import { accept, weigh } from './budget.ts';
import { packagedService } from './packaging.ts';
import { service } from './service.ts';

/**
 * `npm run sizes`: what each function's package weighs, against sizes.json. Fails, as a test does, where one weighs a
 * tenth more than it may; `npm run sizes -- --accept` makes today's weights the budget.
 */

const packaged = await packagedService();
try {
  const names = Object.keys(service.functions);
  if (process.argv.includes('--accept')) await accept(await weigh(packaged.folder, names));
  const weights = await weigh(packaged.folder, names);
  console.table(weights);
  const over = weights.filter(({ tooLarge }) => tooLarge).map(({ name }) => name);
  if (over.length > 0) {
    console.error(`${over.join(', ')}: more than a tenth over budget (tests/deploy/sizes.json)`);
    process.exitCode = 1;
  }
} finally {
  await packaged.remove();
}
