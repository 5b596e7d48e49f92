import type { Words } from './languages/en.ts';

/** The languages there are. Only that of the page is loaded. */
const LANGUAGES: Readonly<Record<string, () => Promise<{ readonly words: Words }>>> = {
  en,
  de: () => import('./languages/de.ts'),
  es: () => import('./languages/es.ts'),
  fr: () => import('./languages/fr.ts'),
  ar: () => import('./languages/ar.ts'),
};

async function en(): Promise<{ readonly words: Words }> {
  return { words: (await import('./languages/en.ts')).english };
}

/** Loads the words of a language, by its tag: `de-AT`. English where there is no such language, or it can't be loaded now. */
export async function wordsOf(language: string): Promise<Words> {
  const load = hasWords(language) ? LANGUAGES[primary(language)] : undefined;
  return (await (load ?? en)().catch(en)).words;
}

/** `de` of `de-AT`, and of `de_AT`, which some pages write. */
export const primary = (language: string): string => language.toLowerCase().split(/[-_]/)[0] ?? '';

export const hasWords = (language: string): boolean => Object.hasOwn(LANGUAGES, primary(language));

const RIGHT_TO_LEFT = new Set(['ar', 'dv', 'fa', 'he', 'ku', 'ps', 'sd', 'ug', 'ur', 'yi']);
export const directionOf = (language: string): 'ltr' | 'rtl' => (RIGHT_TO_LEFT.has(primary(language)) ? 'rtl' : 'ltr');

/** Fills `{name}` in. */
export const fill = (text: string, values: Readonly<Record<string, string | number>>): string =>
  text.replace(/\{(\w+)\}/g, (whole, name: string) => (Object.hasOwn(values, name) ? String(values[name]) : whole));
