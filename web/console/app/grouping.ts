import type { Message, Note } from '../../../client/src/index.ts';
import { daysBetween } from './format.ts';

/** How messages stand together: by sender and minute, with a line between days. */

const minuteOf = (time: string): number => Math.floor(new Date(time).getTime() / 60_000);

/** Whether a message goes on what the one before began: the same sender, within the same minute of the same day. */
export const isContinued = (before: Message | undefined, message: Message): boolean =>
  before !== undefined && before.senderId === message.senderId && minuteOf(before.sentAt) === minuteOf(message.sentAt);

/** Whether a line says that a new day begins: a day of the viewer's zone. */
export const beginsDay = (before: Message | undefined, message: Message): boolean =>
  before === undefined || daysBetween(new Date(before.sentAt).getTime(), new Date(message.sentAt).getTime()) !== 0;

/** The notes by the `seq` after which they stand; 0 for those before the first message. What stands before what is loaded is left out. */
export function notesAfter(
  notes: readonly Note[],
  messages: readonly Message[],
  hasEarlier: boolean,
): ReadonlyMap<number, readonly Note[]> {
  const after = new Map<number, Note[]>();
  const [first] = messages;
  for (const note of notes) {
    let low = 0;
    let high = messages.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((messages[middle]?.sentAt ?? '') <= note.createdAt) low = middle + 1;
      else high = middle;
    }
    const seq = low === 0 ? 0 : (messages[low - 1]?.seq ?? 0);
    if (seq === 0 && hasEarlier && first) continue;
    after.set(seq, [...(after.get(seq) ?? []), note]);
  }
  return after;
}
