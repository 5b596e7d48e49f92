import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { asyncapi } from './asyncapi.ts';
import { clientProtocol } from './clientProtocol.ts';
import { openapi } from './openapi.ts';
import { pages } from './pages.ts';

/**
 * Writes the documents, the tables of pages, and the client's types, that follow from `lib/protocol` and from the last runs of
 * the benchmark; with `--check`, fails where they are not what is committed.
 */
const at = (path: string) => new URL(path, import.meta.url);

/** Returns the text of every generated document, by file name. */
export function documents(): Record<string, string> {
  const { version } = JSON.parse(readFileSync(at('../package.json'), 'utf8')) as { version: string };
  // Invisible characters are written as escapes, so that a reviewer sees them.
  const print = (document: unknown) => `${JSON.stringify(document, null, 2).replaceAll(UNSEEN, escaped)}\n`;
  return {
    'openapi.json': print(openapi(version)),
    'openapi-3.0.json': print(openapi(version, '3.0.3')),
    'asyncapi.json': print(asyncapi(version)),
    'asyncapi-3.0.json': print(asyncapi(version, '3.0.0')),
  };
}

const UNSEEN = /[\p{White_Space}\p{Cc}\p{Default_Ignorable_Code_Point}\u2800]/gu;

const escaped = (character: string): string =>
  [' ', '\n'].includes(character) ? character : character.split('').map(escapedUnit).join('');

const escapedUnit = (unit: string): string => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;

/** Returns a committed document, or `null` where there is none. */
export const committed = (name: string): string | null => read(`docs/${name}`);

function read(path: string): string | null {
  try {
    return readFileSync(at(`../${path}`), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/** Returns the generated files whose committed text is out of date, by path, with the right text. */
export async function outdated(): Promise<Record<string, string>> {
  const wanted: Record<string, string> = {
    ...Object.fromEntries(Object.entries(documents()).map(([name, text]) => [`docs/${name}`, text])),
    'client/src/protocol.ts': clientProtocol(),
    ...(await pages()),
  };
  return Object.fromEntries(Object.entries(wanted).filter(([path, text]) => read(path) !== text));
}

async function main(check: boolean): Promise<void> {
  for (const [path, text] of Object.entries(await outdated())) {
    if (check) {
      console.error(`${path} is not what it is made of says. Run: npm run docs`);
      process.exitCode = 1;
    } else {
      mkdirSync(dirname(fileURLToPath(at(`../${path}`))), { recursive: true });
      writeFileSync(at(`../${path}`), text);
      console.log(`wrote ${path}`);
    }
  }
}

if (import.meta.main) await main(process.argv.includes('--check'));
