import type { Page } from 'playwright-core';
import { clientEvents, serverEvents } from '../../lib/protocol/events.ts';
import { DEMO_PASSWORD } from '../../local/demoPeople.ts';
import { startHostPage } from './support/hostPage.ts';
import { expectInBothColours, type Person, type Site, startSite } from './support/pages.ts';

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
  await expectInBothColours(page, 'sign-in');
  await page.getByLabel('Password').fill(DEMO_PASSWORD);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByText('Your inbox is empty').waitFor();
  await page.locator('.rail-user').click();
  await page.getByRole('menuitem', { name: 'Sign out' }).click();
  await page.getByLabel('E-mail').waitFor();
  person.expectNoFaults();
});

describe('the demo', () => {
  const isFocused = (element: Element) => element.matches(':focus');

  it('has the widget by one script tag: it opens, closes by Escape, and gives the focus back', async () => {
    const page = await person.open('/demo');
    await expectInBothColours(page, 'demo');
    const launcher = page.getByRole('button', { name: 'Chat with us' });
    await launcher.click();
    await page.getByRole('dialog', { name: 'Chat' }).waitFor();
    await expectInBothColours(page, 'demo-widget');
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'hidden' });
    expect(await launcher.evaluate(isFocused)).toBe(true);
    person.expectNoFaults();
  });

  it('shows the console beside the shop', async () => {
    const page = await person.open('/demo');
    await page.getByRole('button', { name: 'Show the console beside' }).click();
    await page.frameLocator('iframe[title="Console"]').getByLabel('E-mail').waitFor();
    await expectInBothColours(page, 'demo-console');
    person.expectNoFaults();
  });

  it('fits into 320 pixels', async () => {
    const page = await person.open('/demo');
    await page.setViewportSize({ width: 320, height: 640 });
    await page.getByRole('button', { name: 'Chat with us' }).click();
    const { width, height } = (await page.getByRole('dialog', { name: 'Chat' }).boundingBox()) ?? {};
    // The demo's own bar stays above the shop, which the widget covers.
    expect({ width, tall: Number(height) > 400 }).toEqual({ width: 320, tall: true });
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(320);
    person.expectNoFaults();
  });
});

it('the widget opens on another site, whose policy is strict and whose styles are hostile', async () => {
  const policy = `default-src 'none'; script-src ${site.address}; connect-src ${site.address}; base-uri *; style-src 'none'`;
  const host = await startHostPage(
    `<!doctype html><html lang="en"><head><title>Another site</title><base href="https://elsewhere.example/">
     <script async src="${site.address}/widget.js"></script></head><body><h1>Another site</h1></body></html>`,
    `${policy}; require-trusted-types-for 'script'; trusted-types 'none'`,
  );
  try {
    await person.leave();
    person = await site.person({}, [host.address]);
    const page = await person.open(host.address);
    // As a stylesheet of the page would, which the policy of this one forbids.
    await page.evaluate(() => {
      const sheet = new CSSStyleSheet();
      sheet.replaceSync('button, section, h2 { display: none !important; font: 1px serif !important }');
      document.adoptedStyleSheets = [sheet];
    });
    await page.getByRole('button', { name: 'Chat with us' }).click();
    await page.getByRole('dialog', { name: 'Chat' }).getByRole('heading').waitFor();
    person.expectNoFaults();
  } finally {
    await host.stop();
  }
});

describe('the documents', () => {
  const operation = (page: Page, id: string) => page.locator(`[id="operations-${id}"]`);

  it('try a request, in light and in dark', async () => {
    const page = await person.open('/docs#/operations/health');
    const health = operation(page, 'operations-health');
    await health.getByRole('button', { name: 'Execute' }).click();
    await health.getByText('"status"').first().waitFor();
    await expectInBothColours(page, 'docs-http');
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

  it('show every event, in light and in dark', async () => {
    const page = await person.open('/docs#events-SEND_MESSAGE');
    const event = page.getByRole('region', { name: 'SEND_MESSAGE', exact: true });
    await event.getByText('clientMessageId').first().waitFor();
    const names = await page.locator('.event h3').allTextContents();
    const events = [...Object.keys(clientEvents), ...Object.keys(serverEvents)];
    expect(names.filter((name) => events.includes(name)).sort()).toEqual(events.sort());
    await expectInBothColours(page, 'docs-events');
    await page.getByRole('link', { name: 'HTTP', exact: true }).click();
    await page.getByRole('heading', { name: 'HTTP API' }).waitFor();
    person.expectNoFaults();
  });
});
