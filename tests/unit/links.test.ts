import fc from 'fast-check';
import { linkify } from '../../web/shared/links.ts';

/** Which words of a message widget and console make links. */

const hrefs = (text: string) => linkify(text).flatMap(({ href }) => href ?? []);
const whole = (text: string) =>
  linkify(text)
    .map((piece) => piece.text)
    .join('');

it.each([
  ['see https://example.com/a?b=c#d.', ['https://example.com/a?b=c#d']],
  ['(https://example.com/a)', ['https://example.com/a']],
  ['(https://example.com/a_(b))', ['https://example.com/a_(b)']],
  ['https://en.wikipedia.org/wiki/Tide_(disambiguation)', ['https://en.wikipedia.org/wiki/Tide_(disambiguation)']],
  ['www.example.com, or http://example.com!', ['https://www.example.com', 'http://example.com']],
  ['“https://example.com”, ‘https://example.org’', ['https://example.com', 'https://example.org']],
  ['*https://example.com/a_*', ['https://example.com/a']],
  ['HTTP://EXAMPLE.COM!', ['HTTP://EXAMPLE.COM']],
])('of %j are %j', (text, found) => {
  expect(hrefs(text)).toEqual(found);
  expect(whole(text)).toBe(text);
});

it.each([
  'javascript:alert(1)',
  'data:text/html,x',
  'ftp://example.com',
  'http://localhost',
  'nothing.here',
  'mail@example.com',
  'https://',
  'https:// and www.',
  '',
])('%j has none', (text) => {
  expect(linkify(text)).toEqual([{ text, href: null }]);
});

it('leave the text whole, however it is cut, and lead to http and https only', () => {
  const part = fc.oneof(
    fc.string(),
    fc.constantFrom('https://example.com/a_(b)', 'www.', '(', ').', 'javascript:', 'http://', '\n'),
  );
  fc.assert(
    fc.property(fc.array(part), (parts) => {
      const text = parts.join('');
      expect(whole(text)).toBe(text);
      for (const href of hrefs(text)) expect(href).toMatch(/^(https?:\/\/|www\.)/i);
    }),
  );
});

it('are found in a long text in one pass', () => {
  for (const text of ['www.'.repeat(1_000), `https://example.com/${')'.repeat(4_000)}`]) expect(whole(text)).toBe(text);
});
