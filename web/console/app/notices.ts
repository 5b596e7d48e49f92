import { signal } from '@preact/signals';

/** Short words about what has happened: seen at the edge of the page, and read out once. */

export interface Notice {
  readonly id: number;
  readonly text: string;
  readonly tone: 'plain' | 'bad';
}

const SHOWN_MS = 6_000;

export const notices = signal<readonly Notice[]>([]);
/** What screen readers are told that nobody needs to see: it is on the screen already. */
export const said = signal('');
let last = 0;

export function tell(text: string, tone: Notice['tone'] = 'plain'): void {
  last += 1;
  const notice = { id: last, text, tone };
  notices.value = [...notices.peek(), notice].slice(-4);
  setTimeout(() => dismiss(notice.id), tone === 'bad' ? 2 * SHOWN_MS : SHOWN_MS);
}

export const dismiss = (id: number): void => {
  notices.value = notices.peek().filter((notice) => notice.id !== id);
};

/** Said twice, the same text would not be read out again: a space makes it another one. */
export const say = (text: string): void => {
  said.value = said.peek() === text ? `${text}\u00A0` : text;
};
