import { config } from '../runtime/config.ts';
import { version } from '../runtime/version.ts';
import type { PageName, SiteConfig } from './pages.ts';

/** The pages that this stage serves. The demo shows the widget, and is there with it. */
export function pagesOn(): readonly PageName[] {
  const { CONSOLE, WIDGET, DOCS } = config();
  return [
    ...(CONSOLE === 'on' ? (['console'] as const) : []),
    ...(WIDGET === 'on' ? (['widget', 'demo'] as const) : []),
    ...(DOCS === 'on' ? (['docs'] as const) : []),
  ];
}

/**
 * Where clients open sockets: the gateway's address for posts to connections by another scheme, unless the stage has a proxy in
 * front of it.
 */
export const webSocketUrl = (): string => config().WEBSOCKET_URL || config().WEBSOCKET_ENDPOINT.replace(/^http/, 'ws');

function siteConfig(): SiteConfig {
  const { STAGE, TYPING, MAIL_FROM } = config();
  return {
    stage: STAGE,
    version,
    webSocket: webSocketUrl(),
    pages: pagesOn(),
    typing: TYPING === 'on',
    mails: MAIL_FROM !== '',
  };
}

/** The configuration as text that is both a JavaScript expression and fit to stand in a script element of HTML. */
export const siteConfigText = (): string =>
  JSON.stringify(siteConfig()).replaceAll(
    /[<\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
