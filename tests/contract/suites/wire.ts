import { request } from 'node:http';
import { expectRefused } from '../../security/attack.ts';
import { within } from '../../support/deadline.ts';
import type { Emulator } from '../../support/emulator.ts';
import { type Desk, type Person, type Upgrade, UpgradeRefused } from '../../support/system.ts';

/**
 * What depends on a real server in between: how headers, bodies, upgrades and bytes that aren't text come through. The origin
 * is one that the system allows.
 */
export function wireSuite(start: () => Promise<{ system: Emulator; desk: Desk }>, origin: string): void {
  describe('over the wire', () => {
    let system: Emulator;
    let desk: Desk;
    let candidate: Person;
    beforeAll(async () => {
      ({ system, desk } = await start());
      candidate = await desk.candidate();
    });

    const upgrade = (wish: Upgrade) =>
      system.open(wish).then(
        (socket) => {
          socket.terminate();
          return 101;
        },
        (error: unknown) => (error instanceof UpgradeRefused ? error.status : error),
      );

    /** A request that `fetch` would refuse to make; its status. */
    const raw = (headers: Record<string, string>, path = '/auth/me', method = 'GET', body = '') =>
      new Promise<number>((resolve, reject) => {
        const sent = request({ host: 'localhost', port: system.ports.http, path, method, headers }, (response) => {
          response.resume();
          resolve(response.statusCode ?? 0);
        });
        sent.on('error', reject).end(body);
      });

    it.each<[string, (token: string) => Upgrade, number]>([
      ['no token', () => ({}), 401],
      ['a token in the URL', (token) => ({ query: `token=${token}` }), 401],
      ['a foreign subprotocol', (token) => ({ protocols: ['graphql-ws', token] }), 401],
      ['a foreign origin', (token) => ({ token, headers: { Origin: 'https://evil.example' } }), 403],
      ['our origin', (token) => ({ token, headers: { Origin: origin } }), 101],
      ['header names in any letters', (token) => ({ headers: { aUTHORIZATION: `bearer ${token}` } }), 101],
    ])('an upgrade with %s', async (_, wish, status) => {
      expect(await upgrade(wish(candidate.token))).toBe(status);
    });

    it('a socket is told only its own subprotocol back, never the token', async () => {
      const socket = await system.open({ protocols: ['live-support.v1', candidate.token] });
      expect(socket.protocol).toBe('live-support.v1');
      socket.terminate();
    });

    it.each([
      ['HTTP header names in any letters', (token: string) => ({ AUTHORIZATION: `Bearer ${token}` }), 200],
      ['a token in a cookie', (token: string) => ({ cookie: `token=${token}` }), 401],
      [
        'a method override',
        (token: string) => ({ authorization: `Bearer ${token}`, 'x-http-method-override': 'PUT' }),
        200,
      ],
    ] as const)('%s', async (_, headers, status) => {
      expect(await raw(headers(candidate.token))).toBe(status);
    });

    it.each(['TRACE', 'DELETE', 'PUT'])('the method %s finds nothing', async (method) => {
      const status = await raw({ authorization: `Bearer ${candidate.token}` }, '/auth/me', method);
      expect([404, 405]).toContain(status);
    });

    it.each(['/auth/me/', '/auth//me', '/auth/%2e%2e/users', '/AUTH/ME', '/.env', '/auth/me%00'])(
      'the path %s finds nothing',
      async (path) => {
        const status = await raw({}, path);
        expect(status).toBeGreaterThanOrEqual(400);
        expect(status).toBeLessThan(500);
      },
    );

    it.each([
      [origin, origin],
      ['https://evil.example', null],
    ])('a preflight from %s lets in %s', async (from, allowed) => {
      const headers = {
        origin: from,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'content-type',
      };
      const path = `http://localhost:${system.ports.http}/auth/login`;
      const { status, headers: answered } = await fetch(path, { method: 'OPTIONS', headers });
      expect(status).toBeLessThan(300);
      expect(answered.get('access-control-allow-origin')).toBe(allowed);
    });

    it('bytes that are no UTF-8 are no JSON', async () => {
      const body = Buffer.from(
        '{"name":"J\u00fcrgen","email":"j@example.com","password":"a long pass phrase"}',
        'latin1',
      );
      const refused = await system.http({ method: 'POST', path: '/auth/register', raw: body });
      expectRefused(refused, 'MALFORMED_JSON');
    });

    it('a binary frame is told that text is wanted, whatever it holds', async () => {
      const socket = await system.open({ token: candidate.token });
      const told = new Promise<unknown>((resolve) =>
        socket.once('message', (data) => resolve(JSON.parse(String(data)))),
      );
      socket.send(Buffer.from('{"event":"PING","data":{}}'), { binary: true });
      expect(await within('the answer to a binary frame', told)).toEqual({
        event: 'ERROR',
        data: { code: 'MALFORMED_JSON', message: 'Send text frames: this one was binary.', event: null },
      });
      socket.terminate();
    });

    it('a megabyte is refused', async () => {
      const body = { name: 'x'.repeat(1024 * 1024), email: 'big@example.com', password: 'a long pass phrase' };
      expectRefused(await desk.call('POST', '/auth/register', undefined, body), 'PAYLOAD_TOO_LARGE');
    });

    it('a frame that is no text, or too long, harms nobody else', async () => {
      const bystander = await desk.connect(candidate);
      const socket = await system.open({ token: candidate.token });
      const closed = new Promise((resolve) => socket.once('close', resolve));
      socket.send(Buffer.from([0xff, 0xfe, 0x00, 0xd8]));
      socket.send('x'.repeat(129 * 1024));
      socket.send(Buffer.from([0xc3, 0x28]), { binary: false });
      await within('the socket with the bad text to close', closed);
      await bystander.settle();
      bystander.close();
    });
  });
}
