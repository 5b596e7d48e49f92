import { render } from 'preact';
import type { SiteConfig } from '../../lib/site/pages.ts';
import styles from './panel.shadow.css';

/** What the loader gives the panel, which is loaded when somebody wants it. */
export interface PanelHost {
  readonly site: SiteConfig;
  /** The service's origin: the HTTP API is there, and the assets. */
  readonly service: string;
  close(): void;
}

export interface Panel {
  readonly shown: boolean;
  show(): void;
  hide(): void;
}

/** Puts the panel into the element's shadow root, in front of the launcher. */
export function mountPanel(root: ShadowRoot, host: PanelHost): Panel {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(styles);
  root.adoptedStyleSheets.push(sheet);
  const place = document.createElement('div');
  place.hidden = true;
  root.prepend(place);
  render(<ChatPanel close={host.close} />, place);
  return {
    get shown() {
      return !place.hidden;
    },
    show() {
      place.hidden = false;
      place.querySelector<HTMLElement>('.panel')?.focus();
    },
    hide() {
      place.hidden = true;
    },
  };
}

function ChatPanel({ close }: { readonly close: () => void }) {
  return (
    <section
      class="panel"
      part="panel"
      role="dialog"
      aria-label="Chat"
      tabIndex={-1}
      onKeyDown={(event) => event.key === 'Escape' && close()}
    >
      <header part="header">
        <h2>How can we help?</h2>
        <button type="button" class="close" aria-label="Close" onClick={close}>
          <svg viewBox="0 0 24 24" aria-hidden="true">
            <path d="m6 6 12 12M18 6 6 18" />
          </svg>
        </button>
      </header>
    </section>
  );
}
