import { effect, signal } from '@preact/signals';

/** What this browser remembers of how somebody likes it. */

export type Theme = 'system' | 'light' | 'dark';

export type Order = 'latest' | 'waiting' | 'urgent';

export interface Preferences {
  readonly theme: Theme;
  readonly sound: boolean;
  readonly notifications: boolean;
  /** Whether the panel beside the conversation is open, where there is room for it. */
  readonly panel: boolean;
  /** How the inbox is sorted. */
  readonly order: Order;
}

const KEY = 'live-support:console:preferences';
const DEFAULTS: Preferences = { theme: 'system', sound: false, notifications: false, panel: true, order: 'latest' };

function read(): Preferences {
  try {
    return { ...DEFAULTS, ...(JSON.parse(localStorage.getItem(KEY) ?? '{}') as Partial<Preferences>) };
  } catch {
    return DEFAULTS;
  }
}

export const preferences = signal<Preferences>(read());

export function prefer(change: Partial<Preferences>): void {
  preferences.value = { ...preferences.peek(), ...change };
  try {
    localStorage.setItem(KEY, JSON.stringify(preferences.peek()));
  } catch {
    // Without a storage they last as long as the page.
  }
}

// Two windows look alike.
addEventListener('storage', ({ key }) => {
  if (key === KEY) preferences.value = read();
});

effect(() => {
  const { theme } = preferences.value;
  const { dataset } = document.documentElement;
  if (theme === 'system') delete dataset['theme'];
  else dataset['theme'] = theme;
});
