import { signal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';

/** Keys that do something anywhere on the page, but never while somebody types. */

export type Handlers = Readonly<Record<string, (() => unknown) | undefined>>;

export const isListOpen = signal(false);

interface Shortcut {
  readonly keys: readonly string[];
  readonly does: string;
  /** Who has it; all of the staff where nothing is said. */
  readonly roles?: readonly string[];
}

const SHORTCUTS: readonly Shortcut[] = [
  { keys: ['j', '↓'], does: 'Next in the list' },
  { keys: ['k', '↑'], does: 'Previous in the list' },
  { keys: ['Enter'], does: 'Open' },
  { keys: ['Esc'], does: 'Leave the field, or go back to the list' },
  { keys: ['/'], does: 'Reply; / again for canned replies', roles: ['agent'] },
  { keys: ['n'], does: 'Write a note' },
  { keys: ['a'], does: 'Assign', roles: ['supervisor'] },
  { keys: ['c'], does: 'Close the conversation', roles: ['agent', 'supervisor'] },
  { keys: ['u'], does: 'Give it back to the queue' },
  { keys: ['g', 'i'], does: 'Go to the inbox' },
  { keys: ['g', 'q'], does: 'Go to the queue', roles: ['supervisor', 'admin'] },
  { keys: ['g', 'p'], does: 'Go to people', roles: ['admin'] },
  { keys: ['g', 'a'], does: 'Go to analytics', roles: ['supervisor', 'admin'] },
  { keys: ['g', 'r'], does: 'Go to canned replies' },
  { keys: ['?'], does: 'This list' },
];
export const shortcutsOf = (role: string): readonly Shortcut[] =>
  SHORTCUTS.filter(({ roles }) => roles === undefined || roles.includes(role));

const isTypingIn = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement &&
  (target.isContentEditable ||
    target.closest(
      'input:not([type="radio"], [type="checkbox"]), textarea, select, [role="menu"], [role="listbox"]',
    ) !== null);
/** The keys that a radio button or a check box needs for itself. */
const OF_CHOICES = [' ', 'ArrowDown', 'ArrowUp', 'ArrowLeft', 'ArrowRight'];

const isCovered = (): boolean => document.querySelector('dialog[open]') !== null;

const listeners = new Set<(key: string, event: KeyboardEvent) => boolean>();
let prefix: { readonly key: string; readonly at: number } | null = null;
/** Two keys in a row belong together for so long. */
const TOGETHER_MS = 1_200;

document.addEventListener('keydown', (event) => {
  if (event.defaultPrevented || event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
  if (isTypingIn(event.target) || isCovered()) return;
  if (event.target instanceof HTMLInputElement && OF_CHOICES.includes(event.key)) return;
  const isSecond = prefix !== null && event.timeStamp - prefix.at < TOGETHER_MS;
  const key = isSecond && prefix ? `${prefix.key} ${event.key}` : event.key;
  prefix = event.key === 'g' && !isSecond ? { key: 'g', at: event.timeStamp } : null;
  if (prefix) return;
  // What was mounted last comes first.
  for (const listener of [...listeners].reverse()) if (listener(key, event)) return event.preventDefault();
});

/**
 * For the keys that move in a list: a row that has the focus, after a click or a dialog, would otherwise get the next Enter.
 */
export function leaveRow(): void {
  const { activeElement } = document;
  if (activeElement instanceof HTMLElement && activeElement.closest('.windowed')) activeElement.blur();
}

/** While a component is there, its keys do what it says. A handler that returns `false` leaves the key to others. */
export function useKeys(handlers: Handlers): void {
  const latest = useRef(handlers);
  latest.current = handlers;
  useEffect(() => {
    const listener = (key: string, event: KeyboardEvent): boolean => {
      // Enter and Space are those of the control that has the focus.
      const isControl = event.target instanceof Element && event.target.closest('button, a, summary') !== null;
      if (isControl && ['Enter', ' '].includes(key)) return false;
      const handler = latest.current[key];
      return handler !== undefined && handler() !== false;
    };
    listeners.add(listener);
    return () => void listeners.delete(listener);
  }, []);
}
