import type { Page } from 'playwright-core';
import { clientEvents, serverEvents } from '../../lib/protocol/events.ts';
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

describe('the documents', () => {
  const operation = (page: Page, id: string) => page.locator(`[id="operations-${id}"]`);

  it.each(['light', 'dark'] as const)('try a request, in %s', async (colorScheme) => {
    await person.leave();
    person = await site.person({ colorScheme });
    const page = await person.open('/docs#/operations/health');
    const health = operation(page, 'operations-health');
    await health.getByRole('button', { name: 'Execute' }).click();
    await health.getByText('"status"').first().waitFor();
    await picture(page, `docs-http-${colorScheme}`);
    expect(await seriousBarriers(page)).toEqual([]);
    person.expectNoFaults();
  });

  it('send along the token of a sign-in that was tried', async () => {
    const page = await person.open('/docs#/auth/login');
    const login = operation(page, 'auth-login');
    await login.locator('textarea').fill(JSON.stringify({ email: 'agent1@example.com', password: DEMO_PASSWORD }));
    await login.getByRole('button', { name: 'Execute' }).click();
    await login.getByText('"accessToken"').first().waitFor();
    const me = operation(page, 'auth-getMe');
    await me.locator('.opblock-summary-control').click();
    await me.getByRole('button', { name: 'Execute' }).click();
    await me.locator('.live-responses-table').getByText('"agent1@example.com"').waitFor();
    person.expectNoFaults();
  });

  it.each(['light', 'dark'] as const)('show every event, in %s', async (colorScheme) => {
    await person.leave();
    person = await site.person({ colorScheme });
    const page = await person.open('/docs#events-SEND_MESSAGE');
    const event = page.getByRole('region', { name: 'SEND_MESSAGE', exact: true });
    await event.getByText('clientMessageId').first().waitFor();
    for (const name of [...Object.keys(clientEvents), ...Object.keys(serverEvents)]) {
      expect([name, await page.getByRole('heading', { name, exact: true }).count()]).toEqual([
        name,
        name === 'TYPING' ? 2 : 1,
      ]);
    }
    await picture(page, `docs-events-${colorScheme}`);
    expect(await seriousBarriers(page)).toEqual([]);
    person.expectNoFaults();
  });
});
