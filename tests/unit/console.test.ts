import { execFileSync } from 'node:child_process';
import process from 'node:process';
import fc from 'fast-check';
import type { Message, Note } from '../../client/src/index.ts';
import { arrange, withLeaving } from '../../web/console/app/arrange.ts';
import { isAlone, niceSpan, niceTop } from '../../web/console/app/axes.ts';
import { csv } from '../../web/console/app/csv.ts';
import { Drafts } from '../../web/console/app/drafts.ts';
import { initials, running, span } from '../../web/console/app/format.ts';
import { beginsDay, isContinued, notesAfter } from '../../web/console/app/grouping.ts';
import { faultOf, momentsOf, rangeOf } from '../../web/console/app/ranges.ts';
import { fill, isolate } from '../../web/console/app/text.ts';
import { PIECE, pieces } from '../../web/shared/pieces.ts';
import { PROJECT } from '../support/process.ts';

/** What the console makes of times, texts and orders, without a browser. */

/** Runs this in a process whose zone it is: the console's modules are there by their names. */
function inZone(zone: string, expression: string): unknown {
  const modules = ['format', 'grouping', 'ranges'].map(
    (name) => `import * as ${name} from './web/console/app/${name}.ts';`,
  );
  const code = `${modules.join('')}process.stdout.write(JSON.stringify(${expression}))`;
  const options = { cwd: PROJECT, env: { ...process.env, TZ: zone }, encoding: 'utf8' } as const;
  return JSON.parse(execFileSync(process.execPath, ['--no-warnings', '--input-type=module', '--eval', code], options));
}

describe('times', () => {
  it.each([
    [-5_000, '0s'],
    [59_999, '59s'],
    [185_000, '3m 05s'],
    [3_600_000, '1h 00m'],
    [90_061_000, '1d 1h'],
  ])('that run: %i ms is %s', (ms, said) => {
    expect(running(ms)).toBe(said);
  });

  it.each([
    [null, '–'],
    [0.4, '0 s'],
    [60, '1 min'],
    [200, '3 min 20 s'],
    [18_720, '5 h 12 min'],
    [273_600, '3 d 4 h'],
  ])('as figures: %p seconds is %s', (seconds, said) => {
    expect(span(seconds)).toBe(said);
  });

  const at = '2026-03-30T10:00:00.000Z';

  it('ago, in Berlin, where the day before had 23 hours', () => {
    const times = ['2026-03-30T10:00:30.000Z', '2026-03-30T09:55:00.000Z', '2026-03-30T07:00:00.000Z'];
    times.push('2026-03-28T23:30:00.000Z', '2026-03-12T10:00:00.000Z', '2025-03-12T10:00:00.000Z');
    const said = `${JSON.stringify(times)}.map((time) => format.ago(time, Date.parse('${at}')))`;
    expect(inZone('Europe/Berlin', said)).toEqual(['now', '5m', '3h', 'Sun', '12 Mar', '12 Mar 2025']);
  });

  it('of day lines are the viewer’s: midnight in Berlin is not midnight in London', () => {
    const times = ['2026-03-29T22:30:00.000Z', '2026-03-28T23:30:00.000Z', '2026-03-28T22:30:00.000Z'];
    const said = `${JSON.stringify(times)}.map((time) => format.dayLine(time, Date.parse('${at}')))`;
    expect(inZone('Europe/Berlin', said)).toEqual(['Today', 'Yesterday', 'Saturday 28 March']);
    expect(inZone('Pacific/Honolulu', said)).toEqual(['Yesterday', 'Saturday 28 March', 'Saturday 28 March']);
  });
});

it('initials are whole letters of any script', () => {
  expect(initials('Kim van der Miller')).toBe('KM');
  expect(initials('𝒜da')).toBe('𝒜');
  expect(initials('ليلى حداد')).toBe('لح');
  expect(initials('عائشة (Premium!)')).toBe('ع');
  expect(initials('(Kim) 2nd')).toBe('2');
  expect([initials('(kim)'), initials('!')]).toEqual(['K', '?']);
});

describe('an order that is held', () => {
  it('moves nothing that is shown, and appends what is new', () => {
    expect(arrange(['a', 'b', 'c'], ['c', 'd', 'a', 'b'], true)).toEqual(['a', 'b', 'c', 'd']);
    expect(arrange(['a', 'b', 'c'], ['c', 'd', 'a', 'b'], false)).toEqual(['c', 'd', 'a', 'b']);
  });

  it('never moves a row, whatever comes and goes', () => {
    const ids = fc.uniqueArray(fc.constantFrom(...'abcdefgh'));
    fc.assert(
      fc.property(ids, ids, (shown, sorted) => {
        const arranged = arrange(shown, sorted, true);
        expect(arranged.slice(0, shown.length)).toEqual(shown);
        expect(new Set(arranged)).toEqual(new Set([...shown, ...sorted]));
      }),
    );
  });

  it('keeps what leaves behind the one it stood behind', () => {
    expect(withLeaving(['a', 'c', 'd'], ['b'], ['a', 'b', 'c'])).toEqual(['a', 'b', 'c', 'd']);
    expect(withLeaving(['c'], ['a', 'b'], ['a', 'b', 'c'])).toEqual(['a', 'b', 'c']);
  });
});

describe('text', () => {
  it('of a canned reply is filled in; what isn’t known stays to be seen', () => {
    const values = { 'customer.name': 'Kim $& Miller', 'customer.email': undefined };
    expect(fill('Hi {{ customer.name }}, {{customer.email}} {{constructor}}', values)).toBe(
      'Hi Kim $& Miller, {{customer.email}} {{constructor}}',
    );
  });
});

it('names within a sentence are set apart only where they are written from right to left', () => {
  expect([isolate('Kim (1)'), isolate('ليلى (1)'), isolate('שלום!')]).toEqual([
    'Kim (1)',
    '\u2068ليلى (1)\u2069',
    '\u2068שלום!\u2069',
  ]);
});

describe('a file for spreadsheets', () => {
  it('has no formulas, and quotes what needs it', () => {
    expect(csv([['=1+1', '+1', '-1', '@a', ' =x', '\tx', 'a,"b"\n', -1, null]])).toBe(
      `\uFEFF'=1+1,'+1,'-1,'@a,' =x,'\tx,"a,""b""\n",-1,\r\n`,
    );
  });

  it('never begins a cell like a formula', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const [, cell = ''] = /^\uFEFF"?([\s\S]*)\r\n$/.exec(csv([[text]])) ?? [];
        expect(cell).not.toMatch(/^\s*[=+\-@]/);
      }),
    );
  });
});

it('axes end at round numbers', () => {
  expect([0, 1, 3, 22, 58, 101].map(niceTop)).toEqual([1, 1, 4, 40, 60, 200]);
  expect([0.5, 25, 118, 3_700, 90_000].map(niceSpan)).toEqual([2, 30, 120, 7_200, 172_800]);
});

it('a value is alone where no line leads to it', () => {
  const values = [1, null, 2, 3, null, 4];
  expect(values.map((_, at) => isAlone(values, at))).toEqual([true, false, false, false, false, true]);
});

describe('ranges', () => {
  const today = new Date(2026, 2, 30, 12);
  it.each([
    ['today', '2026-03-30', '2026-03-30'],
    ['7', '2026-03-24', '2026-03-30'],
    ['month', '2026-03-01', '2026-03-30'],
    ['lastMonth', '2026-02-01', '2026-02-28'],
  ] as const)('%s is %s to %s', (preset, from, to) => {
    expect(rangeOf(preset, today)).toEqual({ from, to });
  });

  it('are half-open moments of the viewer’s days, the one with 23 hours whole', () => {
    expect(inZone('Europe/Berlin', "ranges.momentsOf({ from: '2026-03-29', to: '2026-03-29' })")).toEqual({
      from: '2026-03-28T23:00:00.000Z',
      to: '2026-03-29T22:00:00.000Z',
    });
    expect(() => momentsOf({ from: '2026-03-29', to: 'soon' })).toThrow(RangeError);
  });

  it.each([
    ['', '2026-03-01', 'Give the first day.'],
    ['2026-03-01', '2026-02-30', 'Give the last day.'],
    ['2026-03-02', '2026-03-01', 'The first day comes after the last one.'],
    ['2025-03-01', '2026-03-02', 'At most 366 days at once.'],
    ['2025-03-01', '2026-03-01', null],
  ])('from %j to %j: %p', (from, to, fault) => {
    expect(faultOf({ from, to })).toBe(fault);
  });
});

describe('messages', () => {
  const message = (seq: number, sentAt: string, senderId = 'kim'): Message => ({
    id: `m${seq}`,
    conversationId: 'c',
    seq,
    senderId,
    senderRole: 'candidate',
    senderName: senderId,
    content: '',
    clientMessageId: null,
    sentAt,
  });

  it('stand together by sender and minute, and a day line comes at the viewer’s midnight', () => {
    const first = message(1, '2026-03-29T21:59:10.000Z');
    const second = message(2, '2026-03-29T21:59:50.000Z');
    const third = message(3, '2026-03-29T22:00:10.000Z');
    expect(isContinued(undefined, first)).toBe(false);
    expect(isContinued(first, second)).toBe(true);
    expect(isContinued(first, message(2, second.sentAt, 'sam'))).toBe(false);
    expect(isContinued(second, third)).toBe(false);
    expect(beginsDay(undefined, first)).toBe(true);
    const begins = `grouping.beginsDay(...${JSON.stringify([second, third])})`;
    expect([inZone('Europe/Berlin', begins), inZone('Europe/London', begins)]).toEqual([true, false]);
  });

  it('are cut into the same pieces, however many earlier ones are there', () => {
    const all = Array.from({ length: 120 }, (_, at) => message(at + 1, '2026-03-29T10:00:00.000Z'));
    expect(pieces(all).map((piece) => [piece.number, piece.messages.length])).toEqual([
      [0, PIECE],
      [1, PIECE],
      [2, 20],
    ]);
    expect(pieces(all.slice(70)).map(({ number }) => number)).toEqual([1, 2]);
  });

  it('have the notes where they were made', () => {
    const note = (id: string, createdAt: string): Note => ({
      ...{ id, createdAt, conversationId: 'c', authorId: 'a', authorName: 'A', content: '', clientNoteId: null },
    });
    const said = [message(4, '2026-03-29T10:00:00.000Z'), message(5, '2026-03-29T11:00:00.000Z')];
    const notes = [note('early', '2026-03-29T09:00:00.000Z'), note('between', '2026-03-29T10:30:00.000Z')];
    const idsAfter = (hasEarlier: boolean) =>
      [...notesAfter(notes, said, hasEarlier)].map(([seq, some]) => [seq, some.map(({ id }) => id)]);
    expect(idsAfter(false)).toEqual([
      [0, ['early']],
      [4, ['between']],
    ]);
    // What stands before the messages that are loaded waits for them.
    expect(idsAfter(true)).toEqual([[4, ['between']]]);
  });
});

describe('drafts', () => {
  const storage = (most = Number.POSITIVE_INFINITY) => {
    const kept = new Map<string, string>();
    return {
      kept,
      get length() {
        return kept.size;
      },
      key: (index: number) => [...kept.keys()][index] ?? null,
      getItem: (key: string) => kept.get(key) ?? null,
      setItem: (key: string, value: string) => {
        if (kept.size >= most) throw new Error('full');
        kept.set(key, value);
      },
      removeItem: (key: string) => void kept.delete(key),
    };
  };

  it('survive a reload, each in its conversation; what is sent is forgotten', () => {
    const store = storage();
    const drafts = new Drafts('d:', store);
    drafts.set('a', { text: 'Half a', mode: 'note' });
    expect(new Drafts('d:', store).get('a')).toEqual({ text: 'Half a', mode: 'note' });
    expect(new Drafts('d:', store).get('b')).toEqual({ text: '', mode: 'reply' });
    drafts.set('a', { text: '', mode: 'reply' });
    expect(store.kept.size).toBe(0);
  });

  it('are the same in every tab: what one has sent, the others have no more, and what was a note stays one', () => {
    const store = storage();
    const [here, there] = [new Drafts('d:', store), new Drafts('d:', store)];
    expect(here.get('a').text).toBe('');
    there.set('a', { text: 'Half a', mode: 'note' });
    here.changed('d:a');
    expect(here.get('a')).toEqual({ text: 'Half a', mode: 'note' });
    there.set('a', { text: '', mode: 'reply' });
    here.changed('d:a');
    here.changed('another:a');
    here.changed(null);
    expect(here.get('a')).toEqual({ text: '', mode: 'note' });
  });

  it('live as long as the page where the storage is full, damaged or not there', () => {
    const full = new Drafts('d:', storage(0));
    full.set('a', { text: 'kept', mode: 'reply' });
    expect(full.get('a').text).toBe('kept');
    const none = new Drafts('d:', null);
    none.set('a', { text: 'kept', mode: 'reply' });
    expect(none.get('a').text).toBe('kept');
    const damaged = storage();
    damaged.kept.set('d:a', '{');
    expect(new Drafts('d:', damaged).get('a').text).toBe('');
  });

  it('of conversations that nobody came back to are dropped, the oldest first', () => {
    const store = storage();
    store.kept.set('d:old', JSON.stringify({ text: 'x', mode: 'reply', at: 0 }));
    for (let index = 0; index < 100; index += 1) new Drafts('d:', store).set(`c${index}`, { text: 'x', mode: 'reply' });
    expect(store.kept.size).toBe(100);
    expect(store.kept.has('d:old')).toBe(false);
  });
});

describe('a list that is read page by page', () => {
  interface Listed {
    readonly items: { readonly value: readonly { readonly id: string }[] };
    all(most: number): Promise<boolean>;
    refresh(): Promise<void>;
  }
  type Read = () => Promise<{ items: { id: string }[]; nextCursor: string | null }>;
  // Not by a name that the compiler follows: it knows nothing of browsers here.
  const module: string = '../../web/console/app/pagedList.ts';
  let PagedList: new (read: Read) => Listed;
  beforeAll(async () => {
    ({ PagedList } = await import(module));
  });
  const pages = () => {
    const answers: ((page: { items: { id: string }[]; nextCursor: string | null }) => void)[] = [];
    const list = new PagedList(() => new Promise((resolve) => answers.push(resolve)));
    return { list, answers };
  };

  it('is read to its end once, however many ask for it at the same time', async () => {
    const { list, answers } = pages();
    const all = [list.all(100), list.all(100)];
    answers[0]?.({ items: [{ id: 'a' }], nextCursor: 'more' });
    await new Promise(setImmediate);
    answers[1]?.({ items: [{ id: 'b' }], nextCursor: null });
    expect([await Promise.all(all), answers.length]).toEqual([[true, true], 2]);
    expect(list.items.value.map(({ id }) => id)).toEqual(['a', 'b']);
  });

  it('keeps nobody waiting for ever whose reading somebody else began anew', async () => {
    const { list, answers } = pages();
    const all = list.all(100);
    void list.refresh();
    answers[0]?.({ items: [{ id: 'a' }], nextCursor: 'more' });
    expect(await all).toBe(false);
    answers[1]?.({ items: [{ id: 'b' }], nextCursor: null });
    await new Promise(setImmediate);
    expect(list.items.value.map(({ id }) => id)).toEqual(['b']);
  });
});
