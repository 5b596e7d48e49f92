import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { type WebSocket, WebSocketServer } from 'ws';
import type { ClientEnd, Gateway } from '../../tests/support/gateway.ts';
import type { Transport } from '../../tests/support/socket.ts';
import { UpgradeRefused } from '../../tests/support/system.ts';

/** Puts real sockets in front of the gateway of the tests. Returns the address of both its APIs. */
export async function listen(gateway: Gateway, onPost: (text: string) => void = () => undefined): Promise<string> {
  const server = createServer((request, response) => void forward(gateway, request, response));
  const sockets = new WebSocketServer({ noServer: true });
  server.on('upgrade', async (request, raw, head) => {
    let socket: WebSocket | undefined;
    let transport: Transport | undefined;
    try {
      await gateway.open({ token: bearerTokenOf(request) }, (to): ClientEnd => {
        transport = to;
        return {
          receive: (text) => {
            onPost(text);
            socket?.send(text);
          },
          end: (code) => socket?.close(code),
        };
      });
      sockets.handleUpgrade(request, raw, head, (opened) => {
        socket = opened;
        opened.on('message', (data) => transport?.send(data.toString()));
        opened.once('close', () => transport?.close());
      });
    } catch (error) {
      const status = error instanceof UpgradeRefused ? error.status : 500;
      raw.end(`HTTP/1.1 ${status} Refused\r\nConnection: close\r\n\r\n`);
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
