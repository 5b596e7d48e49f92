import { createRequire } from 'node:module';
import type { WebSocket, WebSocketServer } from 'ws';

const sockets = new Set<WebSocket>();
let guarding = false;

/**
 * Two things the gateway does and serverless-offline doesn't: a frame that breaks the protocol (text that is no UTF-8,
 * say) closes that socket, where the emulator, listening for no errors, would end altogether; and stopping does not
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
  // `ws` closes the socket by itself, with the code the protocol has for it.
  socket.on('error', () => undefined);
}

export function closeSockets(): void {
  for (const socket of sockets) socket.terminate();
}
