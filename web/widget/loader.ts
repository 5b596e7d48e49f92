import type { SiteConfig } from '../../lib/site/pages.ts';
import styles from './loader.shadow.css';
import type { Panel } from './panel.tsx';

/**
 * `/widget.js`: what a company's page loads. It shows the launcher and costs next to nothing; the panel is loaded once somebody
 * wants it. The script knows by its own address where the service is.
 */

/** What the function `site` tells of its stage, in front of this script. */
declare const SITE: SiteConfig;
/** The address of the panel's script in this build. */
declare const PANEL: string;

const ELEMENT = 'live-support-chat';
const script = document.currentScript as HTMLScriptElement;
const service = new URL(script.src).origin;

/** Constructed, because a page's policy may forbid style elements. One for all. */
const sheet = new CSSStyleSheet();
sheet.replaceSync(styles);

class LiveSupportChat extends HTMLElement {
  readonly #root = this.attachShadow({ mode: 'open' });
  readonly #launcher = document.createElement('button');
  #panel: Panel | undefined;
  #loading: Promise<Panel> | undefined;

  constructor() {
    super();
    this.#root.adoptedStyleSheets = [sheet];
    this.#launcher.type = 'button';
    this.#launcher.className = 'launcher';
    this.#launcher.part.add('launcher');
    this.#launcher.setAttribute('aria-label', 'Chat with us');
    this.#launcher.setAttribute('aria-expanded', 'false');
    this.#launcher.append(bubble());
    this.#launcher.addEventListener('click', () => void this.toggle());
    this.#root.append(this.#launcher);
  }

  async open(): Promise<void> {
    const panel = await this.#loaded();
    panel.show();
    this.#launcher.setAttribute('aria-expanded', 'true');
  }

  close(): void {
    if (!this.#panel?.shown) return;
    this.#panel.hide();
    this.#launcher.setAttribute('aria-expanded', 'false');
    this.#launcher.focus();
  }

  async toggle(): Promise<void> {
    if (this.#panel?.shown) this.close();
    else await this.open();
  }

  async #loaded(): Promise<Panel> {
    this.#loading ??= import(service + PANEL).then(({ mountPanel }: typeof import('./panel.tsx')) =>
      mountPanel(this.#root, { site: SITE, service, close: () => this.close() }),
    );
    try {
      this.#panel = await this.#loading;
      return this.#panel;
    } catch (error) {
      // The next click tries again.
      this.#loading = undefined;
      throw error;
    }
  }
}

/** Made node by node: pages may demand trusted types of every assignment of markup. */
function bubble(): SVGElement {
  const namespace = 'http://www.w3.org/2000/svg';
  const svg = document.createElementNS(namespace, 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('aria-hidden', 'true');
  const path = document.createElementNS(namespace, 'path');
  path.setAttribute(
    'd',
    'M5 4h14a3 3 0 0 1 3 3v7a3 3 0 0 1-3 3h-5.6l-4.6 3.8A.8.8 0 0 1 7.5 20v-3H5a3 3 0 0 1-3-3V7a3 3 0 0 1 3-3Z',
  );
  svg.append(path);
  return svg;
}

/** One script tag is enough: a page that doesn't place the element itself gets it at its end. */
function place(): void {
  if (!document.querySelector(ELEMENT)) document.body.append(document.createElement(ELEMENT));
}

// Some pages load every script twice.
if (!customElements.get(ELEMENT)) {
  customElements.define(ELEMENT, LiveSupportChat);
  if (document.readyState === 'loading') document.addEventListener('DOMContentLoaded', place, { once: true });
  else place();
}
