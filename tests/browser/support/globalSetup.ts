import database from '../../support/globalSetup.ts';
import { provideChromium } from './chromium.ts';

/** As for every test; and there is a browser. */
export default async function globalSetup(): Promise<void> {
  process.env['CHROMIUM'] = await provideChromium();
  await database();
}
