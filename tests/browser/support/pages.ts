import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AxeResults } from 'axe-core';
import axe from 'axe-core';
import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core';
import { HANG_MS } from '../../support/deadline.ts';
import { type Emulator, startEmulator } from '../../support/emulator.ts';
import type { Environment } from '../../support/inProcess.ts';
import { launchChromium } from './chromium.ts';

/** The whole service, as `npm start` runs it, and a browser in front of it. */
export interface Site {
  readonly system: Emulator;
  /** `http://localhost:…`: where the pages are. */
  readonly address: string;
  /** Opens a window of its own, as a person has it: with nothing that another one has left. `others` are origins it may ask besides. */
  person(options?: BrowserContextOptions, others?: readonly string[]): Promise<Person>;
  stop(): Promise<void>;
}

export async function startSite(environment: Environment = {}): Promise<Site> {
  const system = await startEmulator(environment);
  const address = `http://localhost:${system.ports.http}`;
  let browser: Browser;
  try {
    browser = await launchChromium();
  } catch (error) {
    await system.stop();
    throw error;
  }
  return {
    system,
    address,
    person: async (options, others = []) => {
      const context = await browser.newContext({ baseURL: address, reducedMotion: 'reduce', ...options });
      context.setDefaultTimeout(HANG_MS);
      const named = options?.baseURL === undefined ? others : [...others, options.baseURL];
      return new Person(context, [address, `ws://localhost:${system.ports.webSocket}`, ...named]);
    },
    stop: async () => {
      await browser.close();
      await system.stop();
    },
  };
}

/** A person at a browser. What goes wrong in their pages is kept: `expectNoFaults` says so. */
export class Person {
  readonly context: BrowserContext;
  readonly #allowed: readonly string[];
  /** A browser says so when a page closes a socket whose upgrade is under way, as who signs out does. */
  readonly #tolerated: RegExp[] = [/WebSocket is closed before the connection is established/];
  readonly #faults: string[] = [];

  constructor(context: BrowserContext, allowed: readonly string[]) {
    this.context = context;
    this.#allowed = allowed;
    context.on('page', (page) => this.#watch(page));
  }

  /** Opens a page in a tab of its own. */
  async open(path: string): Promise<Page> {
    const page = await this.context.newPage();
    await page.goto(path);
    return page;
  }

  /** Says of an error in the browser's log that the test provokes it: a refused request, a cut network. */
  tolerate(fault: RegExp): void {
    this.#tolerated.push(fault);
  }

  /** The browser's log has no error and no warning, no policy was violated, and nothing was asked of another site. */
  expectNoFaults(): void {
    expect(this.#faults.filter((fault) => !this.#tolerated.some((tolerated) => tolerated.test(fault)))).toEqual([]);
  }

  async leave(): Promise<void> {
    await this.context.close();
  }

  #watch(page: Page): void {
    const fault = (text: string) => this.#faults.push(text);
    // Policy violations are errors in the log too.
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) fault(`${message.type()}: ${message.text()}`);
    });
    page.on('pageerror', (error) => fault(`uncaught: ${error.stack ?? error.message}`));
    page.on('request', (request) => {
      const { protocol, origin } = new URL(request.url());
      if (!['data:', 'blob:'].includes(protocol) && !this.#allowed.includes(origin)) fault(`asked ${request.url()}`);
    });
    page.on('websocket', (socket) => {
      if (!this.#allowed.includes(new URL(socket.url()).origin)) fault(`opened ${socket.url()}`);
    });
  }
}

/** What axe-core finds seriously wrong for people who don't see, hear or point: rule, and where. */
export async function seriousBarriers(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate(
    (): Promise<AxeResults> => (window as unknown as { axe: { run(): Promise<AxeResults> } }).axe.run(),
  );
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, help, nodes }) => nodes.map(({ target }) => `${id}: ${help}: ${target.join(' ')}`));
}

/** In light and in dark: a picture, and nothing that keeps people out. */
export async function expectInBothColours(page: Page, name: string): Promise<void> {
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    await picture(page, `${name}-${colorScheme}`);
    expect([colorScheme, await seriousBarriers(page)]).toEqual([colorScheme, []]);
  }
}

/** Where pictures go: they are for looking at. Those of the documents are made by pictures.ts. */
const PICTURES = process.env['SCREENSHOTS'] ?? join(tmpdir(), 'live-support-screenshots');

export async function picture(page: Page, name: string): Promise<void> {
  await mkdir(PICTURES, { recursive: true });
  await page.screenshot({ path: join(PICTURES, `${name}.png`) });
}
