import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { PERMISSIONS } from '../../lib/domain/permissions.ts';

/** One name per operation: its line in the permission table, its function's file, its service's file, its service. */

const root = fileURLToPath(new URL('../../', import.meta.url));

/** `sendMessage` for `SEND_MESSAGE`; a route's name is as it is. */
const fileName = (operation: string): string =>
  /^[A-Z_]+$/.test(operation)
    ? operation.toLowerCase().replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase())
    : operation;

const pathsOf = (folder: string, name: string): string[] =>
  readdirSync(root + folder)
    .map((area) => `${folder}/${area}/${name}.ts`)
    .filter((path) => existsSync(root + path));

/** They answer without a use case. */
const NO_SERVICE = ['health', 'PING'];

const operations = Object.keys(PERMISSIONS);

it.each(operations)('%s has a function of its name', (operation) => {
  expect(pathsOf('functions', fileName(operation))).not.toEqual([]);
});

it.each(operations.filter((operation) => !NO_SERVICE.includes(operation)))(
  '%s has a service of its name',
  (operation) => {
    const name = fileName(operation);
    const [path = '', ...others] = pathsOf('lib/services', name);
    expect(path).not.toBe('');
    expect(others).toEqual([]);
    expect(readFileSync(root + path, 'utf8')).toMatch(new RegExp(`^export (async )?function ${name}[(<]`, 'm'));
  },
);
