import { signal } from '@preact/signals';
import { site } from '../../shared/site.ts';

/** Which address shows what: the address bar names what is open, so that back, reload and a shared link work. */

export const VIEWS = [
  'inbox',
  'queue',
  'people',
  'analytics',
  'audit',
  'replies',
  'settings',
  'states',
  'beside',
] as const;
export type View = (typeof VIEWS)[number];

export interface Place {
  /** `null`: `/console` itself, or an address that is none of ours. */
  readonly view: View | null;
  readonly id: string | null;
  readonly query: URLSearchParams;
}

const BASE = '/console';
export const isLocal = site.stage === 'local';

/** Reads an address. What is none of ours is the beginning. */
export function placeAt(address: { readonly pathname: string; readonly search: string }): Place {
  const [, , view = '', id = ''] = address.pathname.split('/');
  const known = VIEWS.find((name) => name === view) ?? null;
  return { view: known, id: known && id !== '' ? decode(id) : null, query: new URLSearchParams(address.search) };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** On a laptop several demo people may be signed in at once: each page says as whom it is there. */
export const personOfPage = (): string | null =>
  isLocal ? new URLSearchParams(globalThis.location.search).get('as') : null;

export function addressOf(
  view: View | null,
  id: string | null = null,
  query: Readonly<Record<string, string>> = {},
): string {
  const path = [BASE, view, id && encodeURIComponent(id)].filter(Boolean).join('/');
  const as = personOfPage();
  const search = new URLSearchParams({ ...query, ...(as !== null && { as }) }).toString();
  return search === '' ? path : `${path}?${search}`;
}

export const place = signal<Place>(placeAt(globalThis.location));

globalThis.addEventListener('popstate', () => {
  place.value = placeAt(globalThis.location);
});

export function go(address: string, { replace = false }: { readonly replace?: boolean } = {}): void {
  if (address === location.pathname + location.search) return;
  history[replace ? 'replaceState' : 'pushState'](null, '', address);
  place.value = placeAt(location);
}
