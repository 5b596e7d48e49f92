import { readFileSync } from 'node:fs';
import { longestChain } from '../../bench/measures/commands.ts';
import { blocks, MEASURES, plots } from '../../bench/report/page.ts';
import type { CpuResult, Results, Run, SendResult } from '../../bench/report/results.ts';
import { median, medianRatio, percentile, rounded, spread } from '../../bench/report/statistics.ts';
import { bars, inWords, lines } from '../../bench/report/svg.ts';

/** The figures of docs/performance.md: from numbers to tables and plots. */

describe('statistics', () => {
  const hundred = Array.from({ length: 100 }, (_, index) => 100 - index);

  it.each([
    [0.5, 50],
    [0.95, 95],
    [0.99, 99],
    [1, 100],
    [0, 1],
  ])('percentile %d of 1 to 100 is %d', (share, expected) => expect(percentile(hundred, share)).toBe(expected));

  it('takes a percentile that is one of the values', () => {
    expect(percentile([7], 0.95)).toBe(7);
    expect(percentile([1, 10], 0.5)).toBe(1);
    expect(percentile([1, 10], 0.51)).toBe(10);
  });

  it('takes the middle', () => {
    expect(median([9, 1, 5])).toBe(5);
    expect(median([4, 1, 2, 100])).toBe(3);
  });

  it('compares within each run', () => {
    // On a machine that is ten times slower in the second run, and in the third another thing is.
    const runs = [
      { of: 2, to: 1 },
      { of: 20, to: 10 },
      { of: 30, to: 10 },
    ];
    expect(medianRatio(runs)).toBe(2);
    expect(median(runs.map(({ of }) => of)) / median(runs.map(({ to }) => to))).toBe(2);
    expect(medianRatio([...runs, { of: 3, to: 1 }, { of: 3, to: 1 }])).toBe(3);
  });

  it('refuses nothing at all', () => {
    expect(() => median([])).toThrow(RangeError);
    expect(() => spread([])).toThrow(RangeError);
  });

  it('claims three digits', () => expect([1234.5, 0.012345, 5].map(rounded)).toEqual([1230, 0.0123, 5]));
});

describe('plots', () => {
  const one = {
    title: 'A <title> & more',
    unit: 'ms',
    series: ['now'],
    groups: [
      { name: 'short', values: [1] },
      { name: 'long', values: [4] },
    ],
  };
  const widths = (svg: string) =>
    [...svg.matchAll(/<rect x="210" y="[\d.]+" width="([\d.]+)"/g)].map(([, width]) => Number(width));

  it('draws bars in proportion', () => {
    const [short = 0, long = 0] = widths(bars(one));
    expect(long / short).toBeCloseTo(4);
  });

  it('draws nothing at all, too', () => {
    expect(widths(bars({ ...one, groups: [{ name: 'none', values: [0] }] }))).toEqual([0]);
  });

  it('writes text that is no markup', () => {
    expect(bars(one)).toContain('A &lt;title&gt; &amp; more');
  });

  it('draws the same every time', () => expect(bars(one)).toBe(bars(one)));

  it('draws lines over logarithmic scales', () => {
    const svg = lines({
      title: 'Lines',
      xName: 'connections',
      yName: 'ms',
      series: [
        {
          name: 'one',
          points: [
            [1, 1],
            [10, 10],
            [100, 100],
          ],
        },
      ],
    });
    const [first, second, third] = (/points="([^"]+)"/.exec(svg)?.[1] ?? '')
      .split(' ')
      .map((point) => point.split(',').map(Number));
    expect(first).toEqual([70, 330]);
    expect(second).toEqual([383, 200]);
    expect(third).toEqual([696, 70]);
  });

  it.each([
    [12345.6, '12,346'],
    [12.345, '12.3'],
    [2, '2'],
    [0.4567, '0.46'],
  ])('writes %d as %s', (value, words) => expect(inWords(value)).toBe(words));
});

describe('commands one after the other', () => {
  const at = (begunMs: number, endedMs: number) => ({ begunMs, endedMs });

  it.each([
    ['nothing', [], 0],
    ['one after the other', [at(0, 1), at(1, 2), at(2, 3)], 3],
    ['two at once, then one', [at(0, 2), at(0, 1), at(2, 3)], 2],
    ['a long one beside three short ones', [at(0, 9), at(0, 1), at(1, 2), at(2, 3)], 3],
  ])('counts %s', (_, commands, expected) => expect(longestChain(commands)).toBe(expected));
});

describe('the page', () => {
  const same = (p50: number) => ({ p50, p95: p50, p99: p50 });
  const run = <T>(data: T): Run<T> => ({
    date: '2026-11-25',
    commit: 'abc1234',
    machine: { processor: 'Z80', cores: 1, memoryGb: 1, system: 'CP/M', node: '24.0.0', mongod: '6.0.5' },
    data,
  });
  const sent = (acknowledged: number): SendResult['runs'][number] => ({
    bare: same(2),
    bareTransaction: same(1.5),
    barePost: same(0.5),
    contestants: [
      { name: 'Bare', acknowledged: same(2), seen: same(2) },
      { name: 'Live Support', acknowledged: same(acknowledged), seen: same(5) },
      { name: 'Socket.IO + Mongo', acknowledged: same(3), seen: same(4) },
    ],
  });
  const cpu: CpuResult = {
    messages: 10,
    baseline: 'old1234',
    runs: [{ cpuMs: 3, baselineMs: 5 }],
    handingOverMs: 0.1,
    packages: { mongoose: 2, 'own code': 1 },
    baselinePackages: { mongoose: 4, 'own code': 1 },
  };

  it('says which target is met, by the median of the runs', () => {
    const { targets } = blocks({ send: run({ messages: 10, runs: [sent(3), sent(5), sent(9)] }), cpu: run(cpu) });
    expect(targets).toContain(
      '| Acknowledged, p50: a bare transaction and a bare post | ≤ 2.00 × | 2.50 × | **not met** | 2026-11-25, abc1234 |',
    );
    expect(targets).toContain(
      '| Seen by the other side, p50: Socket.IO + Mongo | ≤ 1.30 × | 1.25 × | met | 2026-11-25, abc1234 |',
    );
    expect(targets).toContain('at old1234 | ≤ 0.60 × | 0.60 × | met |');
  });

  it('says of every operation whether it asks for too much', () => {
    const send = {
      name: 'send',
      commands: ['findAndModify', 'insert', 'commitTransaction', 'find', 'find', 'update', 'update'],
      beforeAnswer: 3,
      inSequence: 3,
      readsBeforeTelling: 2,
    };
    const { targets } = blocks({ commands: run({ operations: [send] }) });
    expect(targets).toContain('| Database: commands of a send | ≤ 6 | 7 | **not met** |');
    expect(targets).toContain('acknowledgement | ≤ 4 | 3 | met |');
    expect(targets).toContain('posts to the room | ≤ 1 | 2 | **not met** |');
  });

  it('compares a large desk with a small one, by what each has to do', () => {
    const size = (waiting: number, people: number, ms: number) => ({
      ...{ waiting, agents: people, watchers: people, assigned: people },
      ...{ open: same(ms), watch: same(1), assign: same(1), given: same(1) },
      ...{ told: same(10 * people), tick: same(20 * people), idleTick: same(people * ms) },
    });
    const { desk, targets } = blocks({
      desk: run({ rounds: 5, ticks: 2, sizes: [size(10, 10, 2), size(10_000, 50, 4)] }),
    });
    const of = (what: string) => targets?.split('\n').find((line) => line.includes(what));
    expect(of('opening a conversation')).toContain('| ≤ 1.50 × | 2.00 × | **not met** |');
    expect(of('watching, ten')).toContain('| 1.00 × | met |');
    // Five times as many: as long for each.
    expect(of('for each watcher')).toContain('| 1.00 × | met |');
    expect(of('for each assignment')).toContain('| 1.00 × | met |');
    expect(of('for each team')).toContain('| 2.00 × | **not met** |');
    expect(desk).toContain('| opening a conversation | 2 ms | 4 ms | 2.00 × |');
    expect(desk).toContain('- 10,000 waiting, 50 agents, 50 watching: the last watcher is told after 500 ms');
  });

  it('says when each step of a send begins and ends, and of a post when it has arrived', () => {
    const stepsOfSend = [
      { name: 'commitTransaction', begunMs: 2, endedMs: 3.25 },
      { name: 'NEW_MESSAGE, 2', begunMs: 4, endedMs: 4 },
    ];
    const { commands } = blocks({ commands: run({ operations: [], sends: 7, stepsOfSend }) });
    expect(commands).toContain('medians of 7.');
    expect(commands).toContain('| `commitTransaction` | 2 ms | 3.25 ms |\n| `NEW_MESSAGE, 2` | | 4 ms |');
  });

  it('compares the kinds of posts within each run', () => {
    const posts = [1, 2, 3].map((slow) => [
      { name: 'ours', cpuMs: 0.4 * slow },
      { name: 'bare', cpuMs: 0.1 * slow },
    ]);
    const { posts: text } = blocks({ posts: run({ posts: 10, runs: posts }) });
    expect(text).toContain('| ours | 0.8 ms | 1.00 × |\n| bare | 0.2 ms | 0.25 × |');
  });

  it('says where the time of the largest archive went', () => {
    const runs = [{ archiveMs: 30, bareMs: 20, rssGrowthMb: 0 }];
    const commands = [{ name: 'update active_messages', count: 20, ms: 12.3 }];
    const sizes = [
      { messages: 10, runs, rssGrowthMb: 0 },
      { messages: 1_000, runs, rssGrowthMb: 0, commands },
    ];
    const { archive, targets } = blocks({ archive: run({ sizes }) });
    expect(archive).toContain('with 1,000 messages that took longest');
    expect(archive).toContain('| `update active_messages` | 20 | 12.3 ms |');
    expect(targets).toContain('Archiving 1,000 messages: a bare copy by one command | ≤ 1.50 × | 1.50 × | met |');
  });

  it('tells the share of the emulator, and what was lost', () => {
    const heard = (name: string, seen: number, lost: number) => ({
      name,
      messages: 100,
      lost,
      acknowledged: same(seen),
      seen: same(seen),
    });
    const contestants = [heard('Live Support, through the emulator', 20, 1), heard('Live Support', 15, 0)];
    const { load, targets } = blocks({
      load: run({ conversations: 1000, seconds: 120, messagesPerSecond: 30, contestants }),
    });
    expect(load).toContain("25 % are the emulator's");
    expect(targets).toContain('messages lost | ≤ 0 | 1 | **not met** |');
  });

  it('says when, where and on what each was measured', () => {
    expect(blocks({ cpu: run(cpu) })['cpu']).toContain(
      '2026-11-25, commit abc1234; Z80, 1 cores, 1 GB, CP/M, Node 24.0.0, mongod 6.0.5.',
    );
    expect(blocks({ cpu: { ...run(cpu), loadAverage: 3.14 } })['cpu']).toContain(
      'mongod 6.0.5; load average 3.1 when it began.',
    );
  });

  it('says how to measure what is missing', () => {
    expect(blocks({})['send']).toBe('Not measured yet: `npm run bench -- send`.\n');
    expect(plots({})).toEqual({});
  });

  it('has no baseline where there is none', () => {
    const { cpu: text, targets } = blocks({
      cpu: run({ ...cpu, baseline: null, baselinePackages: null, runs: [{ cpuMs: 3, baselineMs: null }] }),
    });
    expect(text).not.toContain('old1234');
    expect(targets).not.toContain('Processor time');
  });

  it('shows every plot that is drawn', () => {
    const root = new URL('../../', import.meta.url);
    const results = JSON.parse(readFileSync(new URL('bench/results.json', root), 'utf8')) as Results;
    const page = readFileSync(new URL('docs/performance.md', root), 'utf8');
    for (const path of Object.keys(plots(results))) expect(page).toContain(`](${path.replace('docs/', '')})`);
    for (const name of MEASURES) expect(page).toContain(`<!-- ${name} -->`);
  });
});
