import type { Message } from '../../client/src/protocol.ts';

/** What one person has said within a minute of their message before: shown with one name and one time. */
export interface Group {
  readonly isMine: boolean;
  readonly senderName: string;
  readonly messages: readonly Message[];
}

/** The groups of one day of the viewer's zone. */
export interface Day {
  /** `2026-11-28`. */
  readonly date: string;
  /** Whether the day goes on from what was said before. */
  readonly goesOn: boolean;
  readonly groups: readonly Group[];
}

const MINUTE_MS = 60_000;

/** The date of a moment, in the viewer's zone. */
export function dateOf(at: Date): string {
  const two = (number: number) => String(number).padStart(2, '0');
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
}

/** The days of some messages. `last`: what was said before them. A group begins with `firstUnread`, and with the first of the messages. */
export function daysOf(
  messages: readonly Message[],
  { firstUnread, last }: { readonly firstUnread: number | null; readonly last?: Message | undefined },
): readonly Day[] {
  const days: {
    date: string;
    goesOn: boolean;
    groups: { isMine: boolean; senderName: string; messages: Message[] }[];
  }[] = [];
  const lastDate = last && dateOf(new Date(last.sentAt));
  let before: Message | undefined;
  for (const message of messages) {
    const date = dateOf(new Date(message.sentAt));
    const isNewDay = days.at(-1)?.date !== date;
    if (isNewDay) days.push({ date, goesOn: date === lastDate, groups: [] });
    const groups = days.at(-1)?.groups ?? [];
    const isMine = message.senderRole === 'candidate';
    const goesOn =
      before !== undefined &&
      !isNewDay &&
      before.senderId === message.senderId &&
      message.seq !== firstUnread &&
      Date.parse(message.sentAt) - Date.parse(before.sentAt) < MINUTE_MS;
    if (goesOn) groups.at(-1)?.messages.push(message);
    else groups.push({ isMine, senderName: message.senderName, messages: [message] });
    before = message;
  }
  return days;
}

/** The beginning of the first message, as one line: what a conversation is called. Of a long one, whole words. */
export function subjectOf(message: string, most = 80): string {
  const line = message
    // What a subject must not have: line breaks, control characters, and what turns the direction of text around.
    .replaceAll(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]+/gu, ' ')
    .replaceAll(/\s+/gu, ' ')
    .trim();
  const characters = [...line];
  // Characters that are no text at all leave nothing, and a subject must have something to see.
  if (line === '') return '…';
  if (characters.length <= most) return line;
  const cut = characters.slice(0, most - 1).join('');
  const space = cut.lastIndexOf(' ');
  return `${space > most / 2 ? cut.slice(0, space) : cut}…`;
}
