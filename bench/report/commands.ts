import { ms, type Part, type Target, table } from './part.ts';
import type { CommandsResult, Operation } from './results.ts';

/** How many commands an operation may send, and a send one after the other. */
const MOST: readonly {
  readonly operation: string;
  readonly what: string;
  readonly most: number;
  of(one: Operation): number | null;
}[] = [
  { operation: 'send', what: 'commands of a send', most: 6, of: ({ commands }) => commands.length },
  {
    operation: 'send',
    what: 'of them one after the other before the acknowledgement',
    most: 4,
    of: ({ inSequence }) => inSequence,
  },
  {
    operation: 'send',
    what: 'reads between the commit and the posts to the room',
    most: 1,
    of: ({ readsBeforeTelling }) => readsBeforeTelling,
  },
  { operation: 'join', what: 'commands of a join', most: 3, of: ({ commands }) => commands.length },
  { operation: 'connect', what: 'commands of a connect', most: 2, of: ({ commands }) => commands.length },
  {
    operation: 'close',
    what: 'commands of a close before its answer',
    most: 5,
    of: ({ beforeAnswer }) => beforeAnswer,
  },
  {
    operation: 'GET /conversations/{conversationId}',
    what: 'commands of an authorized GET',
    most: 3,
    of: ({ commands }) => commands.length,
  },
];

export function commands({ operations, sends, stepsOfSend = [] }: CommandsResult): Part {
  const targets = MOST.flatMap(({ operation, what, most, of }): Target[] => {
    const found = operations.find(({ name }) => name === operation);
    const measured = found ? of(found) : null;
    return measured === null ? [] : [{ what: `Database: ${what}`, limit: most, measured, unit: '' }];
  });
  return {
    targets,
    text: table(
      ['', 'commands', 'before the answer', 'of them one after the other', 'which'],
      operations.map(({ name, commands: all, beforeAnswer, inSequence }) => [
        name,
        String(all.length),
        String(beforeAnswer),
        String(inSequence),
        all.map((command) => `\`${command}\``).join(' '),
      ]),
    ).concat(
      stepsOfSend.length === 0
        ? ''
        : `\nOne send after the other: when each step of it begins and ends, from the call of the function, medians of ${sends}. A frame ` +
            'has arrived at the gateway then.\n\n' +
            table(
              ['', 'begins', 'ends'],
              stepsOfSend.map(({ name, begunMs, endedMs }) => [
                `\`${name}\``,
                begunMs === endedMs ? '' : ms(begunMs),
                ms(endedMs),
              ]),
            ),
    ),
    plots: {},
  };
}
