import { readdirSync, readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import type {
  AvailabilitySnapshot,
  Availability as AvailabilityStatus,
  AvailabilityView,
  SocketConstructor,
} from '../../client/src/index.ts';
import type * as spelled from '../../client/src/protocol.ts';
import type { AnswerOf, EventAnswer, EventData, HttpOperation, RequestOf } from '../../lib/protocol/client.ts';
import type { ErrorCode } from '../../lib/protocol/errors.ts';
import type { ClientEventName, ServerData, ServerEventName } from '../../lib/protocol/events.ts';
import { PROJECT } from '../support/process.ts';

/** Can each be given for the other? */
type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false;
type AllSame<A, B> =
  Same<keyof A, keyof B> extends true ? { [K in keyof A & keyof B]: Same<A[K], B[K]> }[keyof A & keyof B] : false;

/** `npm run typecheck` holds it; there is nothing to run. */
const holds = <_Fact extends true>(): void => undefined;

it('its types are those that follow from the schemas', () => {
  holds<AllSame<{ [N in HttpOperation]: RequestOf<N> }, spelled.Requests>>();
  holds<
    AllSame<
      // A transcript may be text, too: the schema is of its JSON.
      { [N in HttpOperation]: N extends 'getTranscript' ? AnswerOf<N> | string : AnswerOf<N> },
      spelled.Answers
    >
  >();
  // The codes of an `ERROR` are those of a socket, which the schema's type doesn't tell.
  holds<
    AllSame<
      { [N in ServerEventName]: ServerData<N> },
      Omit<spelled.ServerEvents, 'ERROR'> & { ERROR: ServerData<'ERROR'> }
    >
  >();
  type Events = spelled.ClientEvents;
  holds<AllSame<{ [N in ClientEventName]: EventData<N> }, { [N in keyof Events]: Events[N]['data'] }>>();
  holds<AllSame<{ [N in ClientEventName]: EventAnswer<N> }, { [N in keyof Events]: Events[N]['answer'] }>>();
  holds<Same<ErrorCode, spelled.ErrorCode>>();
  // @ts-expect-error: what is checked can fail.
  holds<AllSame<{ [N in ServerEventName]: ServerData<N> }, spelled.ClientEvents>>();
});

it('takes the platform’s own WebSocket, and tells a view from what it shows', () => {
  holds<typeof globalThis.WebSocket extends SocketConstructor ? true : false>();
  holds<Same<AvailabilityStatus, spelled.Availability>>();
  holds<Same<AvailabilityView['snapshot'], AvailabilitySnapshot>>();
});

it('costs a page at most 17.5 KB, and has no schema in it', async () => {
  const { outputFiles } = await build({
    ...{
      entryPoints: [`${PROJECT}/client/src/index.ts`],
      bundle: true,
      minify: true,
      write: false,
      logLevel: 'silent',
    },
    ...{ platform: 'browser', target: 'es2022', format: 'esm' },
  });
  const code = outputFiles[0]?.text ?? '';
  expect(code.includes('safeParse')).toBe(false);
  // 17.04 KB when this was written.
  expect(gzipSync(code).length).toBeLessThan(17.5 * 1024);
});

it('has every option in its README', () => {
  const source = readFileSync(`${PROJECT}/client/src/client.ts`, 'utf8');
  const [, options = ''] = /interface ClientOptions \{([\s\S]*?)^\}/m.exec(source) ?? [];
  const names = [...options.matchAll(/^ {2}readonly (\w+)\??:/gm)].map(([, name]) => name);
  const [, table = ''] = readFileSync(`${PROJECT}/client/README.md`, 'utf8').split('## Options');
  expect(names.length).toBeGreaterThan(15);
  expect(names.filter((name) => !table.includes(`\`${name}\``))).toEqual([]);
});

it('has no link in its README to what is not in the package', () => {
  expect(readFileSync(`${PROJECT}/client/README.md`, 'utf8')).not.toMatch(/\]\(\.\.\//);
});

it('has the version of the service', () => {
  const versionOf = (path: string) =>
    (JSON.parse(readFileSync(`${PROJECT}/${path}`, 'utf8')) as { version: string }).version;
  expect(versionOf('client/package.json')).toBe(versionOf('package.json'));
});

it('keeps its example as the README says', () => {
  expect(readdirSync(`${PROJECT}/client/examples`)).toContain('terminalChat.js');
});
