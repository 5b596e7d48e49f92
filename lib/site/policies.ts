import { config } from '../runtime/config.ts';
import type { PageName } from './pages.ts';
import { webSocketUrl } from './siteConfig.ts';

type Directives = Readonly<Record<string, string>>;

/**
 * What a page may load and call: its own scripts and styles, the HTTP API, which is where the page is, and the socket. No other
 * site. Text never becomes markup or code: nothing inline runs, and browsers that know trusted types refuse to assign HTML.
 */
const strict = (): Directives => ({
  'default-src': "'none'",
  'script-src': "'self'",
  'style-src': "'self'",
  'img-src': "'self' data:",
  'connect-src': `'self' ${new URL(webSocketUrl()).origin}`,
  // A form that the script has not taken over must not send a password anywhere.
  'form-action': "'none'",
  'base-uri': "'none'",
  'frame-ancestors': "'none'",
  'require-trusted-types-for': "'script'",
  'trusted-types': "'none'",
});

/** Swagger UI writes what it has made of Markdown as HTML, cleaned of what runs. The rest of the policy keeps that from running too. */
function withoutTrustedTypes(): Directives {
  const { 'require-trusted-types-for': _, 'trusted-types': _1, ...others } = strict();
  return others;
}

/** On a laptop the demo shows the console beside the shop, and the console two people beside each other, of whom one may be the customer. */
const isLocal = (): boolean => config().STAGE === 'local';

const directives: Readonly<Record<Exclude<PageName, 'widget'>, () => Directives>> = {
  console: () => ({ ...strict(), ...(isLocal() && { 'frame-ancestors': "'self'", 'frame-src': "'self'" }) }),
  demo: () => ({ ...strict(), ...(isLocal() && { 'frame-src': "'self'", 'frame-ancestors': "'self'" }) }),
  docs: withoutTrustedTypes,
};

/** The headers that bind a page. */
export function pageHeaders(page: Exclude<PageName, 'widget'>): Readonly<Record<string, string>> {
  return {
    'content-security-policy': Object.entries(directives[page]())
      .map(([name, value]) => `${name} ${value}`)
      .join('; '),
    // An address of the console names a conversation.
    'referrer-policy': 'no-referrer',
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    'permissions-policy': 'camera=(), geolocation=(), microphone=(), payment=(), usb=()',
  };
}

/** The headers of a file. Opened by itself, it may do nothing: a picture in SVG is a document. */
export const fileHeaders: Readonly<Record<string, string>> = {
  'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  // The widget's files are loaded by the company's own pages, of another origin. Which ones the HTTP API's CORS says.
  'cross-origin-resource-policy': 'cross-origin',
};
