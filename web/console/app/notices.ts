import { signal } from '@preact/signals';

/** Short words about what has happened: seen at the edge of the page, and read out once. */

export interface Notice {
  readonly id: number;
  readonly text: string;
  readonly tone: 'plain' | 'bad';
  /** What it is about, and how often that has come: see `tellCounted`. */
  readonly topic?: string;
  readonly times?: number;
}

const SHOWN_MS = 6_000;

export const notices = signal<readonly Notice[]>([]);
/** What screen readers are told that nobody needs to see: it is on the screen already. */
export const said = signal('');
let last = 0;

export function tell(text: string, tone: Notice['tone'] = 'plain'): void {
  put({ text, tone });
}

/** Tells what may come several times at once in one notice, which counts. `say` says it of so many. */
export function tellCounted(topic: string, say: (times: number) => string): void {
  const had = notices.peek().find((notice) => notice.topic === topic);
  if (had) dismiss(had.id);
  const times = (had?.times ?? 0) + 1;
  put({ text: say(times), tone: 'plain', topic, times });
}

function put(notice: Omit<Notice, 'id'>): void {
  last += 1;
  const id = last;
  notices.value = [...notices.peek(), { id, ...notice }].slice(-3);
  setTimeout(() => dismiss(id), notice.tone === 'bad' ? 2 * SHOWN_MS : SHOWN_MS);
}

export const dismiss = (id: number): void => {
  notices.value = notices.peek().filter((notice) => notice.id !== id);
};

/** Said twice, the same text would not be read out again: a space makes it another one. */
export const say = (text: string): void => {
  said.value = said.peek() === text ? `${text}\u00A0` : text;
};
