import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PROJECT } from '../support/process.ts';

const read = (path: string) => readFileSync(join(PROJECT, path), 'utf8');
const document = read('docs/security.md');

describe('docs/security.md', () => {
  const shown = [...document.matchAll(/`([\w/]+(?:\.test|\.proof)?\.ts) › ([^`]+)`/g)].map(
    ([, file = '', name = '']) => [file, name],
  );

  it('names tests', () => expect(shown.length).toBeGreaterThan(20));

  it.each(shown)('%s › %s is there', (file, name) => {
    expect(read(`tests/${file}`)).toContain(name);
  });

  it.each([...document.matchAll(/`((?:lib|functions|local|web)\/[\w/.]*)`/g)].map(([, path = '']) => path))(
    '%s is there',
    (path) => {
      expect(() => readFileSync(join(PROJECT, path))).not.toThrow(/ENOENT/);
    },
  );
});
