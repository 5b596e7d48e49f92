import { DEMO_PASSWORD } from '../../local/demoPeople.ts';
import { type Person, picture, type Site, seriousBarriers, startSite } from './support/pages.ts';

/** The pages in a real browser: they load under their policies, and do what they are there for. */

let site: Site;
let person: Person;

beforeAll(async () => {
  site = await startSite();
});
afterAll(() => site?.stop());

beforeEach(async () => {
  person = await site.person();
});
afterEach(() => person.leave());

it('the console signs somebody in, and out again', async () => {
  const page = await person.open('/console');
  await page.getByLabel('E-mail').fill('agent1@example.com');
  await page.getByLabel('Password').fill('wrong password');
  person.tolerate(/status of 401/);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('alert').getByText('Address or password is wrong.').waitFor();
  await picture(page, 'sign-in');
  expect(await seriousBarriers(page)).toEqual([]);
  await page.getByLabel('Password').fill(DEMO_PASSWORD);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByText('Signed in as', { exact: false }).waitFor();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByLabel('E-mail').waitFor();
  person.expectNoFaults();
});

it('the widget opens on the demo page by one script tag, and closes by Escape', async () => {
  const page = await person.open('/demo');
  const launcher = page.getByRole('button', { name: 'Chat with us' });
  await launcher.click();
  await page.getByRole('dialog', { name: 'Chat' }).waitFor();
  await picture(page, 'demo');
  expect(await seriousBarriers(page)).toEqual([]);
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'hidden' });
  expect(await launcher.evaluate((element) => element.matches(':focus'))).toBe(true);
  person.expectNoFaults();
});
