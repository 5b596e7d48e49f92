import type { SiteConfig } from '../../lib/site/pages.ts';
import styles from './loader.shadow.css';
import { forgetAll, isRunning, LOOKED, ofTab, ownName, readState } from './localState.ts';
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
/** A module, or a page's own loader, leaves no current script: then it is found by its name. */
const script = (document.currentScript ?? document.querySelector('script[src*="/widget.js"]')) as HTMLScriptElement;
const service = new URL(script.src).origin;

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

class LiveSupportChat extends HTMLElement {
  static readonly observedAttributes = ['lang', 'token', 'launcher', 'visitors'];

  readonly #root = this.attachShadow({ mode: 'open' });
  readonly #launcher = document.createElement('button');
  readonly #badge = document.createElement('span');
  readonly #trouble = document.createElement('p');
  readonly #pageLanguage = new MutationObserver(() => this.#speak());
  #panel: Panel | undefined;
  #loading: Promise<Panel> | undefined;
  #isWanted = false;
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
    this.#launcher.addEventListener('click', () => void this.toggle());
    // Whoever is about to click finds it loaded.
    for (const name of ['pointerenter', 'focus', 'touchstart'] as const) {
      this.#launcher.addEventListener(name, () => void this.#loaded().catch(() => undefined), {
        once: true,
        passive: true,
      });
    }
    this.#root.append(this.#trouble, this.#launcher);
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
  set strings(strings: Strings) {
    this.#strings = strings;
    this.#speak();
  }

  /** What goes along with a question, beside the page and the language: `{ order: '1042' }`. */
  get context(): Readonly<Record<string, string>> {
    return this.#context;
  }
  set context(context: Readonly<Record<string, string>>) {
    this.#context = context;
  }

  connectedCallback(): void {
    clearTimeout(this.#gone);
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
    if (ofTab.get('open') !== null) whenIdle(() => void this.#open(false));
    else this.#loadIdly();
  }

  disconnectedCallback(): void {
    this.#pageLanguage.disconnect();
    this.#gone = setTimeout(() => {
      this.#panel?.stop();
      this.#panel = undefined;
      this.#loading = undefined;
      this.#isWanted = false;
      this.#showState();
    }, GONE_MS);
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
    this.#isWanted = false;
    ofTab.set('open', null);
    this.#panel?.hide();
    this.#showState();
    const back = this.#before?.isConnected ? this.#before : this.#launcher;
    this.#before = null;
    if (back instanceof HTMLElement || back instanceof SVGElement) back.focus();
    this.#emit('close', {});
  }

  async toggle(): Promise<void> {
    if (this.#isWanted) this.close();
    else await this.open();
  }

  /** Says who the customer is: `token` is what your backend has signed, or a function that fetches it. */
  identify(identity: Identity): void {
    if (!identity?.token || !['string', 'function'].includes(typeof identity.token)) {
      throw new TypeError('identify({ token }): token is a text, or a function that fetches one');
    }
    this.#identity = identity;
    if (this.#panel) this.#panel.identify(identity);
    else this.#loadIdly();
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
    if (this.#isWanted && this.#panel) return;
    this.#isWanted = true;
    const { activeElement } = document;
    this.#before = withFocus && activeElement !== this && activeElement !== document.body ? activeElement : null;
    ofTab.set('open', '1');
    this.#showState();
    try {
      const panel = await this.#loaded();
      // Closed again, or taken out, meanwhile.
      if (!this.#isWanted || !this.isConnected) return;
      panel.show(withFocus);
      this.#emit('open', {});
    } catch {
      this.#isWanted = false;
      this.#trouble.textContent = this.#say(2);
      setTimeout(() => {
        this.#trouble.textContent = '';
      }, 8_000);
      this.#showState();
    }
  }

  /** Where a conversation goes on; and once in a tab for whom the page names, who may have one on another device. */
  #loadIdly(): void {
    whenIdle(() => {
      const mayHaveOne = this.#identity && !ofTab.get(ownName(LOOKED));
      if (this.isConnected && (mayHaveOne || isRunning(readState()))) void this.#loaded().catch(() => undefined);
    });
  }

  async #loaded(): Promise<Panel> {
    this.#loading ??= import(service + PANEL).then(({ mountPanel }: typeof import('./panel.tsx')) =>
      mountPanel(this.#root, {
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
        },
        close: () => this.close(),
        refused: () => void explain(),
        unread: (count) => this.#setUnread(count),
        emit: (name, detail) => this.#emit(name, detail),
      }),
    );
    try {
      const panel = await this.#loading;
      this.#trouble.textContent = '';
      this.#panel = panel;
      return panel;
    } catch (error) {
      // The next click tries again.
      this.#loading = undefined;
      void explain();
      this.#emit('error', { code: 'UNREACHABLE' });
      throw error;
    }
  }

  /** Its own `lang`, else that of what it stands in. */
  #language(): string {
    return this.closest<HTMLElement>('[lang]')?.lang || document.documentElement.lang || navigator.language || 'en';
  }

  #say(which: 0 | 1 | 2): string {
    return (SAID[this.#language().toLowerCase().split(/[-_]/)[0] ?? ''] ?? SAID['en'] ?? [])[which] ?? '';
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
    this.#launcher.setAttribute('aria-expanded', String(this.#isWanted));
    this.#badge.hidden = this.#unread === 0 || this.#isWanted;
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
  const reaches = await fetch(script.src, { mode: 'no-cors', cache: 'no-store' }).then(
    () => true,
    () => false,
  );
  const why = reaches
    ? `${service} answers, but not to pages of ${location.origin}: ALLOWED_ORIGINS of the service must name it, and the page's Content-Security-Policy must allow ${service} in script-src and connect-src`
    : `${service} can't be reached; where the page has a Content-Security-Policy, script-src and connect-src must allow ${service}`;
  // biome-ignore lint/suspicious/noConsole: for whoever builds the page in.
  console.warn(`live-support-chat: ${why}.`);
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
    if (!document.querySelector(ELEMENT)) body.append(document.createElement(ELEMENT));
  };
  look();
  new MutationObserver(look).observe(document.documentElement, { childList: true });
}

// Some pages load every script twice.
if (!customElements.get(ELEMENT)) {
  customElements.define(ELEMENT, LiveSupportChat);
  if (document.readyState === 'loading') document.addEventListener('DOMContentLoaded', place, { once: true });
  else place();
}
