import { render } from 'preact';
import type { SiteConfig } from '../../lib/site/pages.ts';
import { ChatPanel } from './ChatPanel.tsx';
import { Chat, type ChatState, type Identity } from './chat.ts';
import type { Words } from './languages/en.ts';
import { beginAnew, readState } from './localState.ts';
import address from './panel.sheet.css';
import { directionOf, hasWords, wordsOf } from './words.ts';

export type { Identity };

/** What a page may put in place of texts: those of the panel, and what the launcher is called. */
export type Strings = Partial<Words> & { readonly launcher?: string };

/** What the loader gives the panel. */
export interface PanelHost {
  readonly site: SiteConfig;
  /** The service's origin: the HTTP API is there, and the assets. */
  readonly service: string;
  visitors(): boolean;
  language(): string;
  strings(): Strings;
  context(): Readonly<Record<string, string>>;
  identity(): Identity | undefined;
  /** Somebody else sits here: whom the page names, or somebody unknown. `isNew`: nobody has forgotten the one before yet. */
  another(identity: Identity | undefined, isNew: boolean): void;
  close(): void;
  /** The service takes no request, or no socket, of this page. */
  refused(): void;
  unread(count: number): void;
  emit(name: string, detail: Readonly<Record<string, unknown>>): void;
}

export interface Panel {
  show(withFocus: boolean): void;
  hide(): void;
  identify(identity: Identity): void;
  reset(): void;
  /** The language, the page's own texts, or who may write, have changed. */
  speak(): void;
  /** Lets go of everything. */
  stop(): void;
}

/** Below this the panel takes the whole screen. As in panel.sheet.css. */
const SMALL = '(width < 480px)';
/** What somebody does in the panel is nothing to the page: its shortcuts would take away what is typed. */
const OURS = ['keypress', 'keyup', 'paste', 'copy', 'cut'] as const;
/** How long what was said stays where it is read out. */
const SAID_MS = 10_000;
const FOCUSABLE = 'button:not(:disabled), textarea:not(:disabled), input:not(:disabled), a[href], [tabindex="0"]';

/** Reads how the panel looks, beside its words. */
async function styles(): Promise<CSSStyleSheet> {
  const answer = await fetch(new URL(address, import.meta.url), { signal: AbortSignal.timeout(15_000) });
  if (!answer.ok) throw new Error(`${answer.status} for ${address}`);
  return new CSSStyleSheet().replace(await answer.text());
}

/** Puts the panel into the element's shadow root, in front of the launcher. */
export async function mountPanel(root: ShadowRoot, host: PanelHost): Promise<Panel> {
  let [loaded, sheet] = await Promise.all([wordsOf(host.language()), styles()]);
  let language = languageOf(host, loaded);
  root.adoptedStyleSheets.push(sheet);
  const place = document.createElement('div');
  place.className = 'place';
  place.hidden = true;
  // Outside of the panel, so that who has closed it hears of an answer too.
  const news = document.createElement('div');
  news.className = 'visually-hidden';
  news.role = 'status';
  // Each by itself: after a reconnection several come at once, and none may take another one's place.
  news.ariaAtomic = 'false';
  const say = (text: string) => {
    const line = document.createElement('p');
    line.textContent = text;
    line.lang = language;
    news.append(line);
    setTimeout(() => line.remove(), SAID_MS);
  };
  root.prepend(place, news);
  const small = matchMedia(SMALL);
  let state: ChatState | undefined;
  const words = (): Words => ({ ...loaded, ...host.strings() });

  /** The whole screen is the window's, whatever the page has round this element: a transform would make that the screen. */
  const lift = () => {
    if (!('popover' in place)) return;
    const isLifted = small.matches && !place.hidden && place.isConnected;
    place.popover = isLifted ? 'manual' : null;
    if (isLifted && !place.matches(':popover-open')) place.showPopover();
  };
  const paint = () => {
    if (!state) return;
    lift();
    host.unread(place.hidden || !document.hasFocus() ? state.unread : 0);
    render(
      place.hidden ? null : (
        <ChatPanel
          state={state}
          chat={chat}
          words={words()}
          language={language}
          direction={directionOf(language)}
          isTyping={host.site.typing}
          isModal={small.matches}
          close={host.close}
        />
      ),
      place,
    );
  };
  /** For one person. */
  const makeChat = (): Chat =>
    new Chat({
      service: host.service,
      webSocket: host.site.webSocket,
      visitors: host.visitors,
      context: () => contextOf(language, host.context()),
      refused: host.refused,
      changed: (now) => {
        state = now;
        paint();
      },
      tell: (name, detail) => {
        if (name === 'closed') say(words().ended);
        if (name === 'rated') say(words().rated);
        host.emit(name === 'opened' ? 'conversation' : name === 'closed' ? 'ended' : name, detail);
      },
      arrived: (senderName, content) => say(`${senderName}: ${content}`),
      another: (identity) => {
        news.replaceChildren();
        // Where another tab has taken everything out of the browser, this one follows.
        host.another(identity, readState().person === chat.person);
        // Where the storage is forbidden, the loader has a state of its own.
        if (readState().person === chat.person) beginAnew();
        chat = makeChat();
        state = chat.state;
        void chat.start(identity);
        if (!place.hidden) chat.show(true);
        paint();
      },
    });
  let chat = makeChat();

  const stop = (event: Event) => event.stopPropagation();
  for (const name of OURS) place.addEventListener(name, stop);
  // Of the launcher too, which closes the panel as it has opened it.
  const keep = (event: KeyboardEvent) => {
    if (place.hidden) return;
    if (place.contains(event.target as Node)) stop(event);
    // An input method has its own use for both. Old browsers tell of one by this code only.
    if (event.isComposing || event.keyCode === 229) return;
    if (event.key === 'Escape') {
      stop(event);
      host.close();
    } else if (event.key === 'Tab' && small.matches) keepInside(event, root, place);
  };
  root.addEventListener('keydown', keep as EventListener);
  const adapt = () => {
    // A keyboard on the screen covers the page without making it smaller. Two fingers make it smaller, and cover nothing.
    const { height = innerHeight, offsetTop = 0, scale = 1 } = window.visualViewport ?? {};
    place.style.setProperty('--height', `${Math.round(height * scale)}px`);
    place.style.setProperty('--top', `${scale > 1 ? 0 : offsetTop}px`);
  };
  const shrunk = () => {
    paint();
    // What it covers now must not keep the focus.
    if (small.matches && !place.hidden && !place.contains(root.activeElement)) focusPanel();
  };
  const focusPanel = () => place.querySelector<HTMLElement>('.panel')?.focus();
  window.visualViewport?.addEventListener('resize', adapt);
  window.visualViewport?.addEventListener('scroll', adapt);
  small.addEventListener('change', shrunk);
  adapt();

  state = chat.state;
  await chat.start(host.identity());

  return {
    show(withFocus) {
      place.hidden = false;
      chat.show(true);
      if (!withFocus) return;
      // A finger would get the keyboard over what it has opened.
      const field = matchMedia('(pointer: fine)').matches ? place.querySelector<HTMLElement>('textarea') : null;
      if (field) field.focus();
      else focusPanel();
    },
    hide() {
      place.hidden = true;
      chat.show(false);
      paint();
    },
    identify: (given) => void chat.identify(given),
    reset: () => chat.reset(),
    speak() {
      state = chat.state;
      const wanted = host.language();
      wordsOf(wanted).then(
        (words) => {
          if (wanted !== host.language()) return;
          loaded = words;
          language = languageOf(host, words);
          paint();
        },
        // The words that there are go on.
        () => undefined,
      );
      paint();
    },
    stop() {
      chat.stop();
      render(null, place);
      place.remove();
      news.remove();
      root.removeEventListener('keydown', keep as EventListener);
      root.adoptedStyleSheets = root.adoptedStyleSheets.filter((other) => other !== sheet);
      window.visualViewport?.removeEventListener('resize', adapt);
      window.visualViewport?.removeEventListener('scroll', adapt);
      small.removeEventListener('change', shrunk);
    },
  };
}

/**
 * The page's language where there are all words of it: in a mixture, the English ones are ours. Where the page says no region,
 * that of the browser: it knows how its owner writes times. A tag that is none, as `en_US`, would make dates fail.
 */
function languageOf(host: PanelHost, loaded: Words): string {
  const wanted = host.language();
  const given = host.strings();
  const isSpoken = hasWords(wanted) || Object.keys(loaded).every((name) => Object.hasOwn(given, name));
  const language = isSpoken ? wanted.replaceAll('_', '-') : 'en';
  const regional = navigator.languages.find((tag) => tag.startsWith(`${language}-`));
  try {
    return Intl.getCanonicalLocales(regional ?? language)[0] ?? 'en';
  } catch {
    return 'en';
  }
}

/** Over the whole screen nothing else can be seen: Tab goes round. */
function keepInside(event: KeyboardEvent, root: ShadowRoot, place: HTMLElement): void {
  const all = [...place.querySelectorAll<HTMLElement>(FOCUSABLE)].filter((element) => element.checkVisibility());
  const at = root.activeElement;
  const [first, last] = [all[0], all.at(-1)];
  const isOutside = !(at instanceof HTMLElement) || !all.includes(at);
  if (event.shiftKey ? at === first || isOutside : at === last) {
    event.preventDefault();
    (event.shiftKey ? last : first)?.focus();
  }
}

const MOST_ENTRIES = 20;
const MOST_CHARACTERS = 500;

/**
 * For the staff: the page, without what its address has behind the path, which may be a secret; the language; and what the page
 * says. What the service would refuse is left out, for a question must not fail by it.
 */
function contextOf(language: string, given: Readonly<Record<string, string>>): Record<string, string> {
  const entries = Object.entries({ page: location.origin + location.pathname, language, ...given });
  return Object.fromEntries(
    entries
      .filter(([name, value]) => /^[A-Za-z0-9_.-]{1,40}$/.test(name) && typeof value === 'string' && value !== '')
      .slice(0, MOST_ENTRIES)
      .map(([name, value]) => [name, value.slice(0, MOST_CHARACTERS)]),
  );
}
