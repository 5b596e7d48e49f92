import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { type WebSocket, WebSocketServer } from 'ws';
import type { ClientEnd, Gateway } from '../../tests/support/gateway.ts';
import { UpgradeRefused } from '../../tests/support/system.ts';

/** Puts real sockets in front of the gateway of the tests. Returns the address of both its APIs. */
export async function listen(gateway: Gateway, onPost: (text: string) => void = () => undefined): Promise<string> {
  const server = createServer((request, response) => void forward(gateway, request, response));
  const sockets = new WebSocketServer({ noServer: true });
  server.on('upgrade', async (request, raw, head) => {
    // A client may write before its handler has admitted it; API Gateway has no room for that either.
    let socket: WebSocket | undefined;
    try {
      const token = bearerTokenOf(request);
      let transport: { send(text: string): void; close(): void } | undefined;
      const end = await gateway.open({ ...(token !== undefined && { token }) }, (to): ClientEnd => {
        transport = to;
        return {
          receive: (text) => {
            onPost(text);
            socket?.send(text);
          },
          end: (code) => socket?.close(code === 1000 || code === 1001 || code === 1009 ? code : 1000),
        };
      });
      sockets.handleUpgrade(request, raw, head, (opened) => {
        socket = opened;
        opened.on('message', (data) => transport?.send(data.toString()));
        opened.once('close', () => transport?.close());
      });
      return end;
    } catch (error) {
      const status = error instanceof UpgradeRefused ? error.status : 500;
      return void raw.end(`HTTP/1.1 ${status} Refused\r\nConnection: close\r\n\r\n`);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function forward(gateway: Gateway, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const raw = await buffer(request);
  try {
    const { status, headers, body } = await gateway.http({
      method: request.method ?? 'GET',
      path: request.url ?? '/',
      token: bearerTokenOf(request),
      ...(raw.length > 0 && { raw }),
    });
    response.writeHead(status, headers).end(body === undefined ? undefined : JSON.stringify(body));
  } catch (error) {
    response.writeHead(502).end(String(error));
  }
}

/** Takes the token out of a request's `Authorization: Bearer …`. */
export function bearerTokenOf(request: IncomingMessage): string | undefined {
  return /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1];
}
