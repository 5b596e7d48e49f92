import { readdirSync } from 'node:fs';
import { createContext, runInContext } from 'node:vm';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { ERROR_CODES } from '../../lib/protocol/errors.ts';
import { routes } from '../../lib/protocol/routes.ts';
import { PROJECT } from '../support/process.ts';

/** Clients bundle `lib/protocol` as it is: into a browser, which has nothing of Node's. */
const FOLDER = `${PROJECT}/lib/protocol`;

/** Bundles this code, which imports `./…` of the protocol, for a browser; a module of Node's in it fails the build. */
async function bundle(contents: string): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: FOLDER, loader: 'ts' },
    ...{ bundle: true, minify: true, write: false, logLevel: 'silent' },
    ...{ platform: 'browser', target: 'es2022', format: 'iife', globalName: 'protocol' },
  });
  return outputFiles[0]?.text ?? '';
}

/** Runs it where only the language is; what it exports, read by an expression. */
function inBareLanguage(code: string): (expression: string) => unknown {
  const context = createContext({});
  runInContext(code, context);
  return (expression) => JSON.parse(String(runInContext(`JSON.stringify(${expression})`, context)));
}

const zippedBytes = (code: string) => gzipSync(code).length;

it('is bundled for a browser whole, and runs without Node and without a browser', async () => {
  const files = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
  const code = await bundle(files.map((file, at) => `export * as file${at} from './${file}';`).join('\n'));
  const read = inBareLanguage(code);
  const exportOf = (file: string, name: string) => `protocol.file${files.indexOf(file)}.${name}`;
  expect(files.length).toBeGreaterThan(15);
  expect(read(exportOf('errors.ts', 'ERROR_CODES'))).toEqual(ERROR_CODES);
  expect(read(`Object.keys(${exportOf('routes.ts', 'routes')})`)).toEqual(Object.keys(routes));
  const login = exportOf('routes.ts', 'routes.login.body');
  expect(read(`${login}.safeParse({ email: 'kim@example.com', password: 'x' }).success`)).toBe(true);
  expect(read(`${login}.safeParse({ email: 'kim', password: 'x' }).success`)).toBe(false);
  const message = exportOf('events.ts', 'serverEvents.NEW_MESSAGE');
  expect(read(`${message}.safeParse({}).error.issues.map(({ path }) => path[0])`)).toContain('content');
  // 17 KB when this was written: no client pays more, whatever it holds against the schemas.
  expect(zippedBytes(code)).toBeLessThan(24 * 1024);
});

it('costs a client that takes types, names and codes next to nothing', async () => {
  const code = await bundle(`
    import type { AnswerOf, ClientFrame } from './client.ts';
    import { httpRequest } from './client.ts';
    import { ERRORS } from './errors.ts';
    import { SUBPROTOCOL, type ServerFrame } from './events.ts';
    export const about = (conversationId: string) => httpRequest('GET /conversations/{conversationId}', { params: { conversationId } });
    export const subject = (answer: AnswerOf<'getConversation'>) => answer.subject;
    export const join = (conversationId: string): ClientFrame => ({ event: 'JOIN_CONVERSATION', data: { conversationId } });
    export const isMessage = (frame: ServerFrame) => frame.event === 'NEW_MESSAGE';
    export { ERRORS, SUBPROTOCOL };
  `);
  const read = inBareLanguage(code);
  expect(read(`protocol.about('c')`)).toEqual({ method: 'GET', path: '/conversations/c' });
  expect(read(`protocol.join('c')`)).toEqual({ event: 'JOIN_CONVERSATION', data: { conversationId: 'c' } });
  expect(read('protocol.SUBPROTOCOL')).toBe('live-support.v1');
  expect(read('Object.keys(protocol.ERRORS)')).toEqual(ERROR_CODES);
  // No schema, and nothing of zod's.
  expect(code.includes('safeParse')).toBe(false);
  // 1.4 KB when this was written, most of it the catalogue of errors.
  expect(zippedBytes(code)).toBeLessThan(2 * 1024);
});

it('does not come with a module of Node’s', async () => {
  await expect(bundle(`import { randomUUID } from 'node:crypto'; export { randomUUID };`)).rejects.toThrow(
    'node:crypto',
  );
});
