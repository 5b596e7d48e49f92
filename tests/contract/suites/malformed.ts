import * as z from 'zod/mini';
import { type Operation, roleMay } from '../../../lib/domain/permissions.ts';
import { type ClientEvent, clientEvents } from '../../../lib/protocol/events.ts';
import type { Route } from '../../../lib/protocol/route.ts';
import { routes } from '../../../lib/protocol/routes.ts';
import type { Socket } from '../../support/socket.ts';
import { type Desk, type HttpRequest, type HttpResult, PASSWORD, type Person } from '../../support/system.ts';
import { Records, type Start, type Started } from './start.ts';

/** Everybody a malformed request can come from, and something for it to be about. */
interface Fixture {
  readonly admin: Person;
  readonly supervisor: Person;
  readonly agent: Person;
  readonly candidate: Person;
  readonly conversationId: string;
}

type Who = 'admin' | 'supervisor' | 'candidate' | 'nobody';

/** What a request or frame is answered with: a code, and for `VALIDATION_FAILED` what is at fault. */
type Fault = 'MALFORMED_JSON' | 'UNSUPPORTED_MEDIA_TYPE' | 'PAYLOAD_TOO_LARGE' | readonly string[];

/** No text of ours for outsiders has a word of how we are made. */
const TELLTALE =
  /node_modules|\bat .*:\d+|mongo|E11000|\bzod|middy|\.[cm]?[jt]s\b|Error\b|\/(lib|functions|work|var)\//i;

const LONG_ID = 'a'.repeat(65);

/** A request to a route whose other parts are all right. `in` is the path after `/conversations/{its id}`. */
type HttpRow = readonly [
  what: string,
  who: Who,
  method: string,
  path: string,
  raw: string | Buffer<ArrayBuffer> | undefined,
  Fault,
];

// biome-ignore format: a table
const HTTP: readonly HttpRow[] = [
  ['no body', 'nobody', 'POST', '/auth/login', undefined, 'UNSUPPORTED_MEDIA_TYPE'],
  ['an empty body', 'nobody', 'POST', '/auth/login', '', 'MALFORMED_JSON'],
  ['half a body', 'nobody', 'POST', '/auth/login', '{"email":', 'MALFORMED_JSON'],
  ['an array', 'nobody', 'POST', '/auth/login', '[]', 'MALFORMED_JSON'],
  ['a string', 'nobody', 'POST', '/auth/login', '"{}"', 'MALFORMED_JSON'],
  ['null', 'nobody', 'POST', '/auth/login', 'null', 'MALFORMED_JSON'],
  ['a number', 'nobody', 'POST', '/auth/login', '1e999', 'MALFORMED_JSON'],
  ['Latin-1', 'nobody', 'POST', '/auth/login', Buffer.from('{"email":"kim@example.com","password":"gr\u00fc\u00dfe"}', 'latin1'), 'MALFORMED_JSON'],
  ['UTF-16', 'nobody', 'POST', '/auth/login', Buffer.from('{"email":"kim@example.com","password":"x"}', 'utf16le'), 'MALFORMED_JSON'],
  ['a byte order mark', 'nobody', 'POST', '/auth/login', '\ufeff{}', 'MALFORMED_JSON'],
  ['two objects', 'nobody', 'POST', '/auth/login', '{}{}', 'MALFORMED_JSON'],
  ['an empty object', 'nobody', 'POST', '/auth/login', '{}', ['/body/email', '/body/password']],
  ['too large a body', 'candidate', 'POST', '/conversations', `{"subject":"${'x'.repeat(70_000)}"}`, 'PAYLOAD_TOO_LARGE'],
  ['an operator for a text', 'nobody', 'POST', '/auth/login', '{"email":{"$gt":""},"password":{"$ne":1}}', ['/body/email', '/body/password']],
  ['a hostile key', 'candidate', 'POST', '/conversations', '{"subject":"s","__proto__":{"role":"admin"}}', ['/body/__proto__']],
  ['a key to escape', 'candidate', 'POST', '/conversations', '{"subject":"s","a/b~c":1}', ['/body/a~1b~0c']],
  ['two unknown fields', 'candidate', 'POST', '/conversations', '{"subject":"s","x":1,"status":"closed"}', ['/body/status', '/body/x']],
  ['a blank subject', 'candidate', 'POST', '/conversations', '{"subject":" \\n\\t"}', ['/body/subject']],
  ['a blank message', 'candidate', 'POST', '/conversations', '{"subject":"s","message":"\\u2003"}', ['/body/message']],
  ['half a character', 'candidate', 'POST', '/conversations', '{"subject":"\\ud83d"}', ['/body/subject']],
  ['U+0000', 'candidate', 'POST', '/conversations', '{"subject":"a\\u0000b"}', ['/body/subject']],
  ['a subject too long', 'candidate', 'POST', '/conversations', `{"subject":"${'x'.repeat(201)}"}`, ['/body/subject']],
  ['a key given twice', 'candidate', 'POST', '/conversations', '{"subject":"good","subject":7}', ['/body/subject']],
  ['a short password', 'nobody', 'POST', '/auth/register', '{"name":"n","email":"n@example.com","password":"1234567"}', ['/body/password']],
  ...['J\\u0000n', 'J\\nn', 'J\\u2028n', 'J\\u0085n', 'J\\u001bn', 'J\\u202en', 'J\\u2066n', '\\u200b', '\\u3164', '\\u2800'].flatMap(
    (name) =>
      [
        [`the name “${name}”`, 'nobody', 'POST', '/auth/register', `{"name":"${name}","email":"n@example.com","password":"12345678"}`, ['/body/name']],
        [`the subject “${name}”`, 'candidate', 'POST', '/conversations', `{"subject":"${name}"}`, ['/body/subject']],
      ] as const,
  ),
  ...['\\u200b', '\\u3164', '\\u2800', '\\u0085', ' \\u2060\\t'].map(
    (message) => [`the message “${message}”`, 'candidate', 'POST', '/conversations', `{"subject":"s","message":"${message}"}`, ['/body/message']] as const,
  ),
  ...[`${'a'.repeat(65)}@example.com`, 'x@b-.com', 'x@-b.com', 'x@b_c.com', 'x.@example.com', 'x..y@example.com', 'x@[127.0.0.1]', 'x@b\u00fc.example'].map(
    (email) => [`the e-mail address “${email}”`, 'nobody', 'POST', '/auth/register', `{"name":"n","email":"${email}","password":"12345678"}`, ['/body/email']] as const,
  ),
  ['no e-mail address', 'nobody', 'POST', '/auth/register', '{"name":"n","email":"n@","password":"12345678"}', ['/body/email']],
  ['a role of one’s own', 'nobody', 'POST', '/auth/register', '{"name":"n","email":"n@example.com","password":"12345678","role":"admin"}', ['/body/role']],
  ['a candidate made by hand', 'admin', 'POST', '/users', '{"name":"n","email":"n@example.com","password":"12345678","role":"candidate"}', ['/body/role']],
  ['an agent of nobody', 'admin', 'POST', '/users', '{"name":"n","email":"n@example.com","password":"12345678","role":"agent"}', ['/body/supervisorId']],
  ['an agent of no such supervisor', 'admin', 'POST', '/users', '{"name":"n","email":"n@example.com","password":"12345678","role":"agent","supervisorId":"none"}', ['/body/supervisorId']],
  ['a supervisor’s supervisor', 'admin', 'POST', '/users', '{"name":"n","email":"n@example.com","password":"12345678","role":"supervisor","supervisorId":"none"}', ['/body/supervisorId']],
  ['a role changed', 'admin', 'PATCH', '/users/any', '{"role":"admin"}', ['/body/role']],
  ['“false” for false', 'admin', 'PATCH', '/users/any', '{"active":"false"}', ['/body/active']],
  ['null for a name', 'admin', 'PATCH', '/users/any', '{"name":null}', ['/body/name']],
  ['an id with an operator in it', 'supervisor', 'POST', '/conversations/:id/assign', '{"agentId":"$ne"}', ['/body/agentId']],
  ['no id in the path', 'candidate', 'GET', '/conversations/%24ne', undefined, ['/path/conversationId']],
  ['an id too long in the path', 'candidate', 'GET', `/conversations/${LONG_ID}/messages`, undefined, ['/path/conversationId']],
  ['no id in the path of a close', 'supervisor', 'POST', '/conversations/a%20b/close', undefined, ['/path/conversationId']],
  ['no id of a user', 'admin', 'GET', '/users/%00', undefined, ['/path/userId']],
  ...['-1', '0', '101', '1e9', '1000000000', '5.0', ' 5', '', 'NaN', '%E0%A5%AB'].map(
    (limit) =>
      [`limit “${limit}”`, 'candidate', 'GET', `/conversations?limit=${limit}`, undefined, ['/query/limit']] as const,
  ),
  ...['-1', '0', '201', '1e9'].map(
    (limit) =>
      [
        `limit “${limit}” of messages`,
        'candidate',
        'GET',
        `/conversations/:id/messages?limit=${limit}`,
        undefined,
        ['/query/limit'],
      ] as const,
  ),
  ...['-1', '1.5', '1e3', 'x', '', '9'.repeat(16)].map(
    (afterSeq) =>
      [
        `afterSeq “${afterSeq}”`,
        'candidate',
        'GET',
        `/conversations/:id/messages?afterSeq=${afterSeq}`,
        undefined,
        ['/query/afterSeq'],
      ] as const,
  ),
  ...['', 'x', 'e30', '[object Object]', 'MTcwMDAwMDAwMDAwMC4kbmU', 'x'.repeat(513)].map(
    (cursor) =>
      [
        `cursor “${cursor.slice(0, 24)}”`,
        'candidate',
        'GET',
        `/conversations?cursor=${cursor}`,
        undefined,
        ['/query/cursor'],
      ] as const,
  ),
  ['a cursor that is an operator', 'candidate', 'GET', '/conversations?cursor[$gt]=', undefined, ['/query/cursor[$gt]']],
  ['a limit given twice', 'candidate', 'GET', '/conversations?limit=1&limit=2', undefined, ['/query/limit']],
  ['an unknown filter', 'candidate', 'GET', '/conversations?subject=x', undefined, ['/query/subject']],
  ['no status', 'candidate', 'GET', '/conversations?status=archived', undefined, ['/query/status']],
  ['no role', 'admin', 'GET', '/users?role=root', undefined, ['/query/role']],
  ['no flag', 'admin', 'GET', '/users?active=1', undefined, ['/query/active']],
  ['no time', 'admin', 'GET', '/analytics/supervisors?from=yesterday', undefined, ['/query/from']],
  ['a day for a time', 'admin', 'GET', '/analytics/supervisors?to=2026-01-31', undefined, ['/query/to']],
  ...['2026-01-31T09:30Z', '2026-01-31T09:30:60Z', '2026-01-31T24:00:00Z', '2026-01-31T09:30:00', '2026-01-31 09:30:00Z'].map(
    (time) => [`the time “${time}”`, 'admin', 'GET', `/analytics/supervisors?from=${encodeURIComponent(time)}`, undefined, ['/query/from']] as const,
  ),
  ['no such day', 'admin', 'GET', '/analytics/supervisors?to=2026-02-30T00:00:00Z', undefined, ['/query/to']],
  ['a query where there is none', 'nobody', 'GET', '/health?verbose=1', undefined, ['/query/verbose']],
  ['a query beside a body', 'candidate', 'POST', '/conversations?dryRun=1', '{"subject":"s"}', ['/query/dryRun']],
];

/** Frames, as text; `ID` stands for a conversation the sender is in. */
type FrameRow = [what: string, text: string, code: string, pointers?: readonly string[]];

// biome-ignore format: a table
const FRAMES: readonly FrameRow[] = [
  ['nothing', '', 'MALFORMED_JSON'],
  ['no JSON', 'hello', 'MALFORMED_JSON'],
  ['half an object', '{"event":"PING"', 'MALFORMED_JSON'],
  ['an array', '[{"event":"PING","data":{}}]', 'MALFORMED_JSON'],
  ['a string', '"PING"', 'MALFORMED_JSON'],
  ['null', 'null', 'MALFORMED_JSON'],
  ['a number', '7', 'MALFORMED_JSON'],
  ['an empty object', '{}', 'VALIDATION_FAILED', ['/event']],
  ['an event that is a number', '{"event":7,"data":{}}', 'VALIDATION_FAILED', ['/event']],
  ['an event that is an array', '{"event":["PING"],"data":{}}', 'VALIDATION_FAILED', ['/event']],
  ['an unknown event', '{"event":"SHOUT","data":{}}', 'UNKNOWN_EVENT'],
  ['an event in small letters', '{"event":"ping","data":{}}', 'UNKNOWN_EVENT'],
  ['an event of every object', '{"event":"constructor","data":{}}', 'UNKNOWN_EVENT'],
  ['a route of the gateway', '{"event":"$default","data":{}}', 'UNKNOWN_EVENT'],
  ['a connect', '{"event":"$connect","data":{}}', 'UNKNOWN_EVENT'],
  ['a disconnect', '{"event":"$disconnect","data":{}}', 'UNKNOWN_EVENT'],
  ['an event the server sends', '{"event":"NEW_MESSAGE","data":{}}', 'UNKNOWN_EVENT'],
  ['no data', '{"event":"PING"}', 'VALIDATION_FAILED', ['/data']],
  ['null for data', '{"event":"PING","data":null}', 'VALIDATION_FAILED', ['/data']],
  ['an array for data', '{"event":"PING","data":[]}', 'VALIDATION_FAILED', ['/data']],
  ['a string for data', '{"event":"PING","data":"{}"}', 'VALIDATION_FAILED', ['/data']],
  ['an unknown field', '{"event":"PING","data":{},"token":"x"}', 'VALIDATION_FAILED', ['/token']],
  ['a number for requestId', '{"event":"PING","data":{},"requestId":7}', 'VALIDATION_FAILED', ['/requestId']],
  ['an empty requestId', '{"event":"PING","data":{},"requestId":""}', 'VALIDATION_FAILED', ['/requestId']],
  ['a requestId too long', `{"event":"PING","data":{},"requestId":"${'x'.repeat(65)}"}`, 'VALIDATION_FAILED', ['/requestId']],
  ['an unknown field of data', '{"event":"PING","data":{"x":1}}', 'VALIDATION_FAILED', ['/data/x']],
  ['a hostile field of data', '{"event":"PING","data":{"__proto__":{"x":1}}}', 'VALIDATION_FAILED', ['/data/__proto__']],
  ['a message without content', '{"event":"SEND_MESSAGE","data":{"conversationId":"ID"}}', 'VALIDATION_FAILED', ['/data/content']],
  ['a blank message', '{"event":"SEND_MESSAGE","data":{"conversationId":"ID","content":" \\n "}}', 'VALIDATION_FAILED', ['/data/content']],
  ...['\\u200b', '\\u3164', '\\u2800', '\\u0085', '\\ufe0f \\u00ad'].map(
    (content): FrameRow => [`the message “${content}”`, `{"event":"SEND_MESSAGE","data":{"conversationId":"ID","content":"${content}"}}`, 'VALIDATION_FAILED', ['/data/content']],
  ),
  ['a message too long', `{"event":"SEND_MESSAGE","data":{"conversationId":"ID","content":"${'x'.repeat(4001)}"}}`, 'VALIDATION_FAILED', ['/data/content']],
  ['half a character', '{"event":"SEND_MESSAGE","data":{"conversationId":"ID","content":"\\ud83d"}}', 'VALIDATION_FAILED', ['/data/content']],
  ['a sender of one’s own', '{"event":"SEND_MESSAGE","data":{"conversationId":"ID","content":"x","senderId":"y"}}', 'VALIDATION_FAILED', ['/data/senderId']],
  ['an empty clientMessageId', '{"event":"SEND_MESSAGE","data":{"conversationId":"ID","content":"x","clientMessageId":""}}', 'VALIDATION_FAILED', ['/data/clientMessageId']],
  ['null for clientMessageId', '{"event":"SEND_MESSAGE","data":{"conversationId":"ID","content":"x","clientMessageId":null}}', 'VALIDATION_FAILED', ['/data/clientMessageId']],
  ['an operator for an id', '{"event":"JOIN_CONVERSATION","data":{"conversationId":{"$ne":"x"}}}', 'VALIDATION_FAILED', ['/data/conversationId']],
  ['no id', '{"event":"JOIN_CONVERSATION","data":{"conversationId":"$ne"}}', 'VALIDATION_FAILED', ['/data/conversationId']],
  ['a negative afterSeq', '{"event":"JOIN_CONVERSATION","data":{"conversationId":"ID","afterSeq":-1}}', 'VALIDATION_FAILED', ['/data/afterSeq']],
  ['a part of an afterSeq', '{"event":"JOIN_CONVERSATION","data":{"conversationId":"ID","afterSeq":1.5}}', 'VALIDATION_FAILED', ['/data/afterSeq']],
  ['an afterSeq beyond counting', '{"event":"JOIN_CONVERSATION","data":{"conversationId":"ID","afterSeq":1e300}}', 'VALIDATION_FAILED', ['/data/afterSeq']],
  ['a text for afterSeq', '{"event":"JOIN_CONVERSATION","data":{"conversationId":"ID","afterSeq":"1"}}', 'VALIDATION_FAILED', ['/data/afterSeq']],
  ['a key given twice', '{"event":"SEND_MESSAGE","data":{"conversationId":"ID","content":"good","content":7}}', 'VALIDATION_FAILED', ['/data/content']],
];

/** Input no client of the contract would send: each is refused by name, says nothing of our insides, and does nothing. */
export function malformedSuite(start: Start): void {
  describe('malformed input', () => {
    let system: Started['system'];
    let desk: Desk;
    let fixture: Fixture;
    let records: Records;
    let socket: Socket;
    let before: unknown;
    const state = () =>
      Promise.all(['conversations', 'active_messages', 'messages', 'users'].map((name) => records.all(name)));

    beforeAll(async () => {
      ({ system, desk } = await start());
      const { candidate, supervisor, agent, conversation } = await desk.assigned('m1');
      fixture = { admin: desk.admin, candidate, supervisor, agent, conversationId: conversation.id };
      socket = await desk.join(candidate, conversation.id);
      records = new Records(system.databaseUri);
      before = await state();
    });
    afterAll(async () => {
      socket.close();
      await records.close();
    });

    const path = (given: string) => given.replace(':id', fixture.conversationId);
    const token = (who: Who) => (who === 'nobody' ? undefined : fixture[who].token);
    const somebodyWhoMay = (operation: Operation): Who =>
      (['candidate', 'supervisor', 'admin'] as const).find((role) => roleMay(operation, role)) ?? 'nobody';

    function told(result: HttpResult): string | string[] {
      expect(JSON.stringify(result.body)).not.toMatch(TELLTALE);
      return result.body.code === 'VALIDATION_FAILED'
        ? result.body.errors.map(({ pointer }: { pointer: string }) => pointer).toSorted()
        : result.body.code;
    }

    it.each(HTTP)('over HTTP: %s', async (_what, who, method, where, raw, fault) => {
      expect(told(await system.http({ method, path: path(where), token: token(who), raw }))).toEqual(fault);
    });

    it.each([
      { type: 'text/plain', told: 'UNSUPPORTED_MEDIA_TYPE' },
      { type: 'application/x-www-form-urlencoded', told: 'UNSUPPORTED_MEDIA_TYPE' },
      { type: 'multipart/form-data; boundary=x', told: 'UNSUPPORTED_MEDIA_TYPE' },
      { type: 'application/jsonp', told: 'UNSUPPORTED_MEDIA_TYPE' },
      { type: 'application/json; charset=utf-16', told: 'UNSUPPORTED_MEDIA_TYPE' },
      { type: 'application/json;charset="ISO-8859-1"', told: 'UNSUPPORTED_MEDIA_TYPE' },
      { type: 'application/json; charset=utf-8; CHARSET=utf-7', told: 'UNSUPPORTED_MEDIA_TYPE' },
      { type: 'application/json; charset=utf-8', told: 'INVALID_CREDENTIALS' },
      { type: 'application/json;charset="UTF-8"', told: 'INVALID_CREDENTIALS' },
      { type: 'APPLICATION/JSON', told: 'INVALID_CREDENTIALS' },
    ])('over HTTP: content type $type', async ({ type, told: code }) => {
      const raw = JSON.stringify({ email: 'nobody@example.com', password: PASSWORD });
      const request: HttpRequest = { method: 'POST', path: '/auth/login', raw, headers: { 'content-type': type } };
      expect(told(await system.http(request))).toBe(code);
    });

    it.each(['gzip', 'identity', 'br'])('over HTTP: content encoding %s', async (encoding) => {
      const raw = JSON.stringify({ email: 'nobody@example.com', password: PASSWORD });
      const headers = { 'content-encoding': encoding };
      expect(told(await system.http({ method: 'POST', path: '/auth/login', raw, headers }))).toBe(
        'UNSUPPORTED_MEDIA_TYPE',
      );
    });

    it('over HTTP: a replacement character that was sent as such is text as any other', async () => {
      const body = { email: 'nobody@example.com', password: 'a \ufffd b \ufffd' };
      expect(told(await system.http({ method: 'POST', path: '/auth/login', body }))).toBe('INVALID_CREDENTIALS');
    });

    it.each(['', 'Bearer', 'Bearer x', 'Basic YTpi', 'Bearer a.b.c', 'Bearer eyJhbGciOiJub25lIn0.e30.'])(
      'over HTTP: authorization “%s”',
      async (authorization) => {
        const request = { method: 'GET', path: '/auth/me', headers: { authorization } };
        expect(told(await system.http(request))).toBe('INVALID_TOKEN');
      },
    );

    it.each(['/', '/nowhere', '/conversations/', '/users/a/b', '/auth/login'])('over HTTP: GET %s', async (nowhere) => {
      expect(told(await system.http({ method: 'GET', path: nowhere }))).toBe('NOT_FOUND');
    });

    it('over HTTP: an array or an operator in any field of any body', async () => {
      const bodies = (Object.values(routes) as Route[]).filter(({ body }) => body instanceof z.ZodMiniObject);
      expect(bodies.length).toBeGreaterThan(5);
      for (const { operation, method, path: pattern, body } of bodies) {
        const who = somebodyWhoMay(operation);
        for (const [field, expected] of Object.entries((body as z.ZodMiniObject).shape)) {
          const isList = z.safeParse(expected, []).success;
          const isNumber = z.safeParse(expected, 7).success;
          for (const value of [[isList ? { $gt: '' } : 'x'], { $gt: '' }, isNumber ? '7' : 7]) {
            const where = pattern.replace(/\{\w+\}/, fixture.conversationId);
            const result = await system.http({ method, path: where, token: token(who), body: { [field]: value } });
            // The field, or a part of it that is at fault.
            const pointer = new RegExp(`^/body/${field}(/[^/]+)?$`);
            expect(told(result)).toContainEqual(expect.stringMatching(pointer));
          }
        }
      }
    });

    it('over HTTP: a cursor of another list, or a made-up one, shows nothing that is not the reader’s', async () => {
      const users = await desk.ok('GET', '/users?limit=1', fixture.admin.token);
      const madeUp = Buffer.from(`${Date.now() + 3_600_000}.zzz`).toString('base64url');
      for (const cursor of [users.nextCursor, madeUp]) {
        const { items } = await desk.ok('GET', `/conversations?cursor=${cursor}`, fixture.candidate.token);
        for (const { candidateId } of items) expect(candidateId).toBe(fixture.candidate.user.id);
      }
    });

    it.each(FRAMES)('in a frame: %s', async (...[_what, text, code, pointers]: FrameRow) => {
      socket.sendText(text.replace('"ID"', JSON.stringify(fixture.conversationId)));
      const { data, requestId } = await socket.next('ERROR');
      expect(JSON.stringify(data)).not.toMatch(TELLTALE);
      expect(requestId).toBeUndefined();
      expect({ code: data.code, pointers: data.errors?.map(({ pointer }) => pointer) }).toEqual({ code, pointers });
    });

    it('in a frame: an array or an operator in any field of any event', async () => {
      const [agents, supervisors] = [await desk.connect(fixture.agent), await desk.connect(fixture.supervisor)];
      for (const { event, data } of Object.values<ClientEvent>(clientEvents)) {
        const sender = roleMay(event, 'agent') ? agents : supervisors;
        for (const field of Object.keys((data as z.ZodMiniObject).shape)) {
          for (const value of [['x'], { $gt: '' }, null]) {
            const error = await sender.refused(event, { [field]: value });
            expect(error).toMatchObject({ code: 'VALIDATION_FAILED', event });
            expect(error.errors?.map(({ pointer }) => pointer)).toContain(`/data/${field}`);
          }
        }
      }
      agents.close();
      supervisors.close();
    });

    it('in a frame: a wrong event is named back, cut, and the requestId repeated', async () => {
      const answer = await socket.ask('X'.repeat(1000), {});
      expect(answer).toMatchObject({ event: 'ERROR', data: { code: 'UNKNOWN_EVENT', event: 'X'.repeat(64) } });
    });

    it('leaves everything as it was, and the connection up', async () => {
      await socket.settle();
      expect(await state()).toEqual(before);
    });
  });
}
