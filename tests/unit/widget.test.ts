import type { Message } from '../../lib/protocol/objects/conversations.ts';
import { isOneLine } from '../../lib/protocol/text.ts';
import { words as ar } from '../../web/widget/languages/ar.ts';
import { words as de } from '../../web/widget/languages/de.ts';
import { english } from '../../web/widget/languages/en.ts';
import { words as es } from '../../web/widget/languages/es.ts';
import { words as fr } from '../../web/widget/languages/fr.ts';
import { daysOf, subjectOf } from '../../web/widget/timeline.ts';
import { directionOf, fill, wordsOf } from '../../web/widget/words.ts';

/** What the widget makes of texts and times. How it behaves is in tests/browser/widget.proof.ts. */

describe('a subject', () => {
  it.each([
    ['My mug\nhas   a crack', 'My mug has a crack'],
    ['\u202eevil\u2066 text', 'evil text'],
    ['\u0007', '…'],
    ['word '.repeat(40), `${'word '.repeat(15).trim()}…`],
    ['x'.repeat(200), `${'x'.repeat(79)}…`],
    ['😀'.repeat(100), `${'😀'.repeat(79)}…`],
  ])('of %j', (message, subject) => {
    expect(subjectOf(message)).toBe(subject);
    expect(isOneLine(subject)).toBe(true);
  });
});

describe('the days of a conversation', () => {
  const message = (seq: number, sentAt: string, senderRole: 'candidate' | 'agent' = 'agent'): Message => ({
    id: String(seq),
    conversationId: 'c',
    seq,
    senderId: senderRole,
    senderRole,
    senderName: senderRole,
    content: 'x',
    clientMessageId: null,
    sentAt,
  });
  const shape = (messages: readonly Message[], firstUnread: number | null = null) =>
    daysOf(messages, { firstUnread }).map(({ groups }) => groups.map((group) => group.messages.map(({ seq }) => seq)));

  it('are groups by sender and minute', () => {
    const said = [
      message(1, '2026-03-01T12:00:00.000Z'),
      message(2, '2026-03-01T12:00:50.000Z'),
      message(3, '2026-03-01T12:00:55.000Z', 'candidate'),
      message(4, '2026-03-01T12:00:58.000Z'),
      message(5, '2026-03-01T12:05:00.000Z'),
    ];
    expect(shape(said)).toEqual([[[1, 2], [3], [4], [5]]]);
  });

  it('begin anew where one has last read, and with each day of the viewer’s zone', () => {
    const said = [
      message(1, '2026-03-01T12:00:00.000Z'),
      message(2, '2026-03-01T12:00:10.000Z'),
      message(3, '2026-03-03T12:00:00.000Z'),
    ];
    expect(shape(said, 2)).toEqual([[[1], [2]], [[3]]]);
  });

  it('say whether a day goes on from the messages before', () => {
    const last = message(1, '2026-03-01T12:00:00.000Z');
    const said = [message(2, '2026-03-01T12:00:10.000Z'), message(3, '2026-03-03T12:00:00.000Z')];
    expect(daysOf(said, { firstUnread: null, last }).map(({ goesOn }) => goesOn)).toEqual([true, false]);
    expect(daysOf(said, { firstUnread: null }).map(({ goesOn }) => goesOn)).toEqual([false, false]);
  });
});

describe('words', () => {
  const holes = (text: string) => (text.match(/\{\w+\}/g) ?? []).sort();

  it.each(Object.entries({ de, es, fr, ar }))('%s has all, with the same to fill in', (_, words) => {
    expect(Object.keys(words)).toEqual(Object.keys(english));
    for (const name of Object.keys(english) as (keyof typeof english)[]) {
      expect([name, holes(words[name])]).toEqual([name, holes(english[name])]);
      expect([name, words[name].trim()]).not.toEqual([name, '']);
    }
  });

  it.each([
    ['de-AT', de],
    ['de_AT', de],
    ['FR', fr],
    ['en-GB', english],
    ['tlh', english],
    ['constructor', english],
    ['', english],
  ])('of %j', async (language, words) => expect(await wordsOf(language)).toEqual(words));

  it('are filled in, as text', () => {
    expect(fill('{name} is typing', { name: '$& {count}' })).toBe('$& {count} is typing');
    expect(fill('{unknown}', {})).toBe('{unknown}');
    expect([directionOf('ar-EG'), directionOf('en')]).toEqual(['rtl', 'ltr']);
  });
});
