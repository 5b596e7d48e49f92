import type { SiteConfig } from '../../lib/site/pages.ts';
import styles from './loader.shadow.css';
import { forgetAll, forgetOthers, isRunning, LOOKED, ofTab, ownName, readState } from './localState.ts';
import type { Identity, Panel, Strings } from './panel.tsx';

/**
 * `/widget.js`: what a company's page loads. It shows the launcher and costs next to nothing; the panel is loaded once somebody
 * wants it, or has a conversation that goes on. The script knows by its own address where the service is.
 */

/** What the function `site` tells of its stage, in front of this script. */
declare const SITE: SiteConfig;
/** The address of the panel's script in this build. */
declare const PANEL: string;

const ELEMENT = 'live-support-chat';
/** Below this the panel takes the whole screen. As in panel.sheet.css. */
const SMALL = '(width < 480px)';
/** A module has no current script. Then only the trace of an error names the file that runs: other vendors have a widget.js too. */
const { currentScript } = document;
const address =
  currentScript instanceof HTMLScriptElement
    ? currentScript.src
    : /https?:\/\/[^\s@()]+\/widget\.js/.exec(new Error().stack ?? '')?.[0];
const service = address ? new URL(address).origin : '';

/** What is said before the panel's words are loaded. */
const SAID: Readonly<Record<string, readonly [launcher: string, unread: string, unreachable: string]>> = {
  en: ['Chat with us', '{count} unread', 'The chat can’t be reached right now. Try again in a moment.'],
  de: [
    'Chatten Sie mit uns',
    '{count} ungelesen',
    'Der Chat ist gerade nicht erreichbar. Versuchen Sie es gleich noch einmal.',
  ],
  es: [
    'Chatee con nosotros',
    '{count} sin leer',
    'Ahora no se puede acceder al chat. Inténtelo de nuevo en un momento.',
  ],
  fr: ['Discutez avec nous', '{count} non lus', 'Le chat est injoignable pour le moment. Réessayez dans un instant.'],
  ar: ['تحدث معنا', '{count} غير مقروءة', 'لا يمكن الوصول إلى المحادثة الآن. حاول مجددًا بعد قليل.'],
};

/** An element that is taken out and put back at once goes on; one that stays out lets go of everything. */
const GONE_MS = 1_000;

/** Constructed, because a page's policy may forbid style elements. One for all. */
const sheet = new CSSStyleSheet();
sheet.replaceSync(styles);

const whenIdle = (work: () => void): void => {
  if ('requestIdleCallback' in window) requestIdleCallback(work, { timeout: 3_000 });
  else setTimeout(work, 500);
};

/** The element that is shown. A second one would lie on top of it, and open a conversation of its own. */
let shown: LiveSupportChat | undefined;
/** The element that this script has put into the page. It gives way to one of the page's own. */
let own: HTMLElement | undefined;

class LiveSupportChat extends HTMLElement {
  static readonly observedAttributes = ['lang', 'token', 'launcher', 'visitors'];

  readonly #root = this.attachShadow({ mode: 'open' });
  readonly #launcher = document.createElement('button');
  readonly #badge = document.createElement('span');
  readonly #trouble = document.createElement('p');
  readonly #pageLanguage = new MutationObserver(() => this.#speak());
  #panel: Panel | undefined;
  #loading: Promise<Panel> | undefined;
  #opening: Promise<void> | undefined;
  /** Ends when the element lets go of everything: what is under way by then belongs to nobody. */
  #life = 0;
  #isWanted = false;
  /** Whether the panel is on the screen. Between the wish and that it is loaded. */
  #isUp = false;
  #takesFocus = false;
  #unread = 0;
  #identity: Identity | undefined;
  #strings: Strings = {};
  #context: Readonly<Record<string, string>> = {};
  #gone: ReturnType<typeof setTimeout> | undefined;
  /** Who had the focus before the panel. */
  #before: Element | null = null;

  constructor() {
    super();
    this.#root.adoptedStyleSheets = [sheet];
    this.#launcher.type = 'button';
    this.#launcher.className = 'launcher';
    this.#launcher.part.add('launcher');
    this.#badge.className = 'badge';
    this.#badge.part.add('badge');
    this.#badge.hidden = true;
    this.#badge.ariaHidden = 'true';
    this.#trouble.className = 'trouble';
    this.#trouble.part.add('trouble');
    this.#trouble.role = 'status';
    this.#launcher.append(
      icon(
        'ask',
        'M5 4h14a3 3 0 0 1 3 3v7a3 3 0 0 1-3 3h-5.6l-4.6 3.8A.8.8 0 0 1 7.5 20v-3H5a3 3 0 0 1-3-3V7a3 3 0 0 1 3-3Z',
      ),
      icon('fold', 'm5 9 7 7 7-7'),
      this.#badge,
    );
    this.#launcher.addEventListener('click', () => {
      // An impatient second click must not take the first one back.
      if (!this.#isWaiting) void this.toggle();
    });
    // Whoever is about to click finds it loaded.
    for (const name of ['pointerenter', 'focus', 'touchstart'] as const) {
      this.#launcher.addEventListener(name, () => void this.#loaded().catch(() => undefined), {
        once: true,
        passive: true,
      });
    }
  }

  /** Whether the panel is open. */
  get isOpen(): boolean {
    return this.#isWanted;
  }

  /** How many messages of the other side have not been read. */
  get unread(): number {
    return this.#unread;
  }

  /** What takes the place of texts: `{ title: 'Questions?' }`. */
  get strings(): Strings {
    return this.#strings;
  }
  set strings(strings: Strings | null | undefined) {
    this.#strings = strings ?? {};
    this.#speak();
  }

  /** What goes along with a question, beside the page and the language: `{ order: '1042' }`. */
  get context(): Readonly<Record<string, string>> {
    return this.#context;
  }
  set context(context: Readonly<Record<string, string>> | null | undefined) {
    this.#context = context ?? {};
  }

  connectedCallback(): void {
    if (shown && shown !== this) {
      if (shown.isConnected && shown !== own) {
        // biome-ignore lint/suspicious/noConsole: for whoever builds the page in.
        console.warn(`${ELEMENT}: this page has two. The second one stays empty.`);
        return;
      }
      shown.#giveWay(this);
    }
    shown = this;
    clearTimeout(this.#gone);
    this.#root.append(this.#trouble, this.#launcher);
    // What the page has set before this script was there.
    for (const name of ['strings', 'context'] as const) {
      if (!Object.hasOwn(this, name)) continue;
      const value = this[name];
      Reflect.deleteProperty(this, name);
      Object.assign(this, { [name]: value });
    }
    this.#speak();
    this.#pageLanguage.observe(document.documentElement, { attributes: true, attributeFilter: ['lang'] });
    if (this.#panel) return;
    // A new page is not covered by what somebody had open on the one before.
    const isReopened = ofTab.get('open') !== null && !matchMedia(SMALL).matches;
    if (isReopened) whenIdle(() => void this.#open(false));
    else this.#loadIdly();
  }

  disconnectedCallback(): void {
    if (shown !== this) return;
    this.#gone = setTimeout(() => this.#letGo(), GONE_MS);
    // Another one may have waited for the place. Who is only moved has it back by then.
    queueMicrotask(() => {
      if (!this.isConnected) document.querySelector<LiveSupportChat>(ELEMENT)?.connectedCallback();
    });
  }

  attributeChangedCallback(name: string, before: string | null, now: string | null): void {
    if (before === now) return;
    if (name === 'lang' || name === 'visitors') this.#speak();
    if (name === 'token' && now) this.identify({ token: now });
  }

  /** Opens the panel, and brings the focus into it. */
  open(): Promise<void> {
    return this.#open(true);
  }

  close(): void {
    if (!this.#isWanted) return;
    const wasUp = this.#isUp;
    const hadFocus = this.#root.activeElement !== null;
    const back = this.#before?.isConnected ? this.#before : this.#launcher;
    this.#isWanted = this.#isUp = this.#takesFocus = false;
    this.#before = null;
    ofTab.set('open', null);
    this.#panel?.hide();
    this.#showState();
    // The page may close it while somebody writes elsewhere.
    if (hadFocus && (back instanceof HTMLElement || back instanceof SVGElement)) back.focus();
    if (wasUp) this.#emit('close', {});
  }

  async toggle(): Promise<void> {
    if (this.#isWanted) this.close();
    else await this.open();
  }

  /** Says who the customer is: `token` is what your backend has signed, or a function that fetches it. */
  identify(identity: Identity): void {
    if (!identity?.token || !/string|function/.test(typeof identity.token)) throw new TypeError('token');
    this.#identity = identity;
    if (this.#panel) this.#panel.identify(identity);
    else if (shown === this) this.#loadIdly();
  }

  /** Forgets who the customer is, and their conversation: for when they sign out of your page. */
  async reset(): Promise<void> {
    const told = forgetAll(service);
    this.#identity = undefined;
    this.close();
    ofTab.set('open', null);
    this.#setUnread(0);
    // A panel that is still being loaded begins with what there is then.
    this.#panel?.reset();
    await told;
  }

  async #open(withFocus: boolean): Promise<void> {
    if (shown !== this) return;
    if (withFocus) {
      const { activeElement } = document;
      if (activeElement !== this) this.#before = activeElement === document.body ? null : activeElement;
      this.#takesFocus = true;
    }
    if (this.#isUp) {
      if (withFocus) this.#panel?.show(true);
      return;
    }
    this.#isWanted = true;
    ofTab.set('open', '1');
    this.#showState();
    this.#opening ??= this.#bringUp();
    const opening = this.#opening;
    await opening;
    if (this.#opening === opening) this.#opening = undefined;
  }

  async #bringUp(): Promise<void> {
    const life = this.#life;
    try {
      const panel = await this.#loaded();
      // Closed again, or taken out, meanwhile.
      if (life !== this.#life || !this.#isWanted || !this.isConnected) return;
      this.#isUp = true;
      this.#showState();
      panel.show(this.#takesFocus);
      this.#emit('open', {});
    } catch {
      if (life !== this.#life) return;
      this.#isWanted = false;
      ofTab.set('open', null);
      this.#trouble.textContent = this.#say(2);
      setTimeout(() => {
        this.#trouble.textContent = '';
      }, 8_000);
      this.#showState();
    }
  }

  /** Somebody wants the panel, and it is not there yet. */
  get #isWaiting(): boolean {
    return this.#isWanted && !this.#isUp;
  }

  /** Leaves the page to another element, with what the page has said to this one. */
  #giveWay(heir: LiveSupportChat): void {
    shown = undefined;
    if (this.isConnected) {
      heir.#identity ??= this.#identity;
      heir.#strings = { ...this.#strings, ...heir.#strings };
      heir.#context = { ...this.#context, ...heir.#context };
      this.remove();
    }
    this.#letGo();
  }

  #letGo(): void {
    if (shown === this) shown = undefined;
    clearTimeout(this.#gone);
    this.#pageLanguage.disconnect();
    this.#life += 1;
    this.#panel?.stop();
    this.#panel = this.#loading = this.#opening = undefined;
    this.#isWanted = this.#isUp = this.#takesFocus = false;
    this.#showState();
  }

  /** Where a conversation goes on; and once in a tab for whom the page names, who may have one on another device. */
  #loadIdly(): void {
    whenIdle(() => {
      const mayHaveOne = this.#identity && !ofTab.get(ownName(LOOKED));
      if (shown === this && this.isConnected && (mayHaveOne || isRunning(readState())))
        void this.#loaded().catch(() => undefined);
    });
  }

  async #loaded(): Promise<Panel> {
    const life = this.#life;
    this.#loading ??= this.#load();
    try {
      return await this.#loading;
    } catch (error) {
      if (life === this.#life) {
        // The next click tries again.
        this.#loading = undefined;
        void explain();
        this.#emit('error', { code: 'UNREACHABLE' });
      }
      throw error;
    }
  }

  async #load(): Promise<Panel> {
    const life = this.#life;
    forgetOthers();
    const { mountPanel }: typeof import('./panel.tsx') = await import(service + PANEL);
    const panel = await mountPanel(this.#root, {
      site: SITE,
      service,
      visitors: () => this.getAttribute('visitors') !== 'off',
      language: () => this.#language(),
      strings: () => this.#strings,
      context: () => this.#context,
      identity: () => this.#identity,
      another: (identity, isNew) => {
        this.#identity = identity;
        if (isNew) void forgetAll(service);
        else forgetOthers();
      },
      close: () => this.close(),
      refused: () => void explain(),
      unread: (count) => this.#setUnread(count),
      emit: (name, detail) => this.#emit(name, detail),
    });
    if (life !== this.#life) {
      panel.stop();
      throw new Error();
    }
    this.#trouble.textContent = '';
    this.#panel = panel;
    return panel;
  }

  /** Its own `lang`, else that of what it stands in. */
  #language(): string {
    return this.closest<HTMLElement>('[lang]')?.lang || document.documentElement.lang || navigator.language || 'en';
  }

  /** The language that this script has words of. */
  #spoken(): string {
    const language = this.#language().toLowerCase().split(/[-_]/)[0] ?? '';
    return Object.hasOwn(SAID, language) ? language : 'en';
  }

  #say(which: 0 | 1 | 2): string {
    return SAID[this.#spoken()]?.[which] ?? '';
  }

  #speak(): void {
    this.#showState();
    this.#panel?.speak();
  }

  #setUnread(count: number): void {
    if (count === this.#unread) return;
    this.#unread = count;
    this.#showState();
    this.#emit('unread', { count });
  }

  #showState(): void {
    const label = this.#strings.launcher ?? this.#say(0);
    const unread = this.#unread > 0 ? `, ${this.#say(1).replace('{count}', String(this.#unread))}` : '';
    this.#launcher.setAttribute('aria-label', label + unread);
    // Said in the wrong language, words can't be understood. The page's own words are in the page's.
    this.#launcher.lang = this.#strings.launcher === undefined ? this.#spoken() : this.#language();
    this.#trouble.lang = this.#spoken();
    this.#launcher.setAttribute('aria-expanded', String(this.#isUp));
    this.#launcher.setAttribute('aria-busy', String(this.#isWaiting));
    this.#badge.hidden = this.#unread === 0 || this.#isUp;
    this.#badge.textContent = this.#unread > 9 ? '9+' : String(this.#unread);
  }

  #emit(name: string, detail: Readonly<Record<string, unknown>>): void {
    this.dispatchEvent(new CustomEvent(`chat-${name}`, { detail, bubbles: true, composed: true }));
  }
}

/** Made node by node: pages may demand trusted types of every assignment of markup. */
function icon(name: string, shape: string): SVGElement {
  const namespace = 'http://www.w3.org/2000/svg';
  const svg = document.createElementNS(namespace, 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('aria-hidden', 'true');
  svg.setAttribute('class', name);
  const path = document.createElementNS(namespace, 'path');
  path.setAttribute('d', shape);
  svg.append(path);
  return svg;
}

/** Whoever builds the page in is told why nothing comes: a browser says neither to the page nor to its log what CORS is about. */
async function explain(): Promise<void> {
  const reaches = await fetch(`${service}/widget.js`, { mode: 'no-cors', cache: 'no-store' }).then(
    () => true,
    () => false,
  );
  const why = reaches
    ? `${service} answers, but not to pages of ${location.origin}: ALLOWED_ORIGINS of the service must name it, and the page's Content-Security-Policy must allow ${service} in script-src and connect-src`
    : `${service} can't be reached; where the page has a Content-Security-Policy, script-src and connect-src must allow ${service}`;
  // biome-ignore lint/suspicious/noConsole: for whoever builds the page in.
  console.warn(`${ELEMENT}: ${why}.`);
}

/**
 * One script tag is enough: a page that doesn't place the element itself gets it at its end, and gets it again with each new body. Some
 * pages change their body for another one instead of loading a page. One that takes the element out keeps it out.
 */
function place(): void {
  const placed = new WeakSet<HTMLElement>();
  const look = () => {
    const { body } = document;
    if (!body || placed.has(body)) return;
    placed.add(body);
    if (shown?.isConnected) return;
    own = document.createElement(ELEMENT);
    body.append(own);
  };
  look();
  new MutationObserver(look).observe(document.documentElement, { childList: true });
}

if (!service) {
  // biome-ignore lint/suspicious/noConsole: for whoever builds the page in.
  console.error(`${ELEMENT}: load widget.js from the service. A copy in another file can't find it.`);
}
// Some pages load every script twice.
else if (!customElements.get(ELEMENT)) {
  customElements.define(ELEMENT, LiveSupportChat);
  if (document.readyState === 'loading') document.addEventListener('DOMContentLoaded', place, { once: true });
  else place();
}
