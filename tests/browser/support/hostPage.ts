import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A company's own page, at an origin of its own, that embeds the widget. */
export interface HostPage {
  readonly address: string;
  stop(): Promise<void>;
}

/** `policy` is the page's `Content-Security-Policy`. */
export async function startHostPage(html: string, policy: string): Promise<HostPage> {
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8', 'content-security-policy': policy });
    response.end(html);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
