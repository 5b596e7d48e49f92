import { createRequire } from 'node:module';
import type { WebSocket, WebSocketServer } from 'ws';

const sockets = new Set<WebSocket>();
let guarding = false;

/**
 * Does two things that the gateway does and serverless-offline doesn't. A frame that breaks the protocol (text that is
 * no UTF-8, for example) closes its socket; without a listener for errors the emulator would end. And stopping doesn't
 * wait for clients to leave.
 */
export function guardSockets(): void {
  if (guarding) return;
  guarding = true;

  const emulatorRequire = createRequire(createRequire(import.meta.url).resolve('serverless-offline'));
  const ws = emulatorRequire('ws') as { WebSocketServer: typeof WebSocketServer };
  const { emit } = ws.WebSocketServer.prototype;
  ws.WebSocketServer.prototype.emit = function (this: WebSocketServer, event: string | symbol, ...args: unknown[]) {
    if (event === 'connection') guard(args[0] as WebSocket);
    return emit.call(this, event, ...args);
  };
}

function guard(socket: WebSocket): void {
  sockets.add(socket);
  socket.once('close', () => sockets.delete(socket));
  // `ws` itself closes the socket, with the protocol's code for it.
  socket.on('error', () => undefined);
}

export function closeSockets(): void {
  for (const socket of sockets) socket.terminate();
}
