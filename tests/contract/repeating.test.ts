import { readFileSync } from 'node:fs';
import { type ClientEvent, clientEvents } from '../../lib/protocol/events.ts';
import { goOn, type Repeating, repeatingInWords } from '../../lib/protocol/repeating.ts';
import type { Route } from '../../lib/protocol/route.ts';
import { routes } from '../../lib/protocol/routes.ts';

/** What a client is told to do when the outcome is unknown: by declaration, text and table alike. */

const commands: readonly { readonly name: string; readonly repeat: Repeating; readonly reads: boolean }[] = [
  ...Object.values<Route>(routes).map(({ method, path, repeat }) => ({
    name: `${method} ${path}`,
    repeat,
    reads: method === 'GET',
  })),
  ...Object.values<ClientEvent>(clientEvents).map(({ event, repeat }) => ({ name: event, repeat, reads: false })),
];

const SAFE = 'It is safe to send this again.';

it('docs/delivery.md says of every command that changes something what its declaration says', () => {
  const text = readFileSync(new URL('../../docs/delivery.md', import.meta.url), 'utf8');
  const [, table = ''] = text.split(/<!-- \/?repeating -->/);
  const expected = commands
    .filter(({ reads }) => !reads)
    .map(({ name, repeat }) => `| \`${name}\` | ${repeatingInWords(repeat)} |`);
  expect(table.trim().split('\n').slice(2)).toEqual(expected);
});

it.each(commands.filter(({ reads }) => reads))('$name changes nothing, and may be sent again', ({ repeat }) => {
  expect(repeat).toBe('safe');
});

it.each(commands)('$name: the text of UNAVAILABLE says that it is safe only where it is', ({ repeat }) => {
  if (repeat === 'safe') {
    for (const given of [undefined, {}, { any: 1 }]) expect(goOn(repeat, given)).toBe(SAFE);
    return;
  }
  const { safeWith, safeWithin, findOut } = repeat;
  expect(findOut).toMatch(/^[A-Z].*\.$/);
  const text = safeWithin
    ? `It is safe to send this again within ${safeWithin}. Later: ${findOut}`
    : `The outcome is unknown. ${findOut}`;
  for (const given of [undefined, null, 'text', {}, { other: 1 }]) expect(goOn(repeat, given)).toBe(text);
  if (safeWith !== undefined) expect(goOn(repeat, { [safeWith]: 'mine' })).toBe(SAFE);
});
