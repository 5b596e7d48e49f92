import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A company's site, which embeds the widget by one script tag. Hostile without meaning it. */
export interface CompanySite {
  /** `http://localhost:…`. Its page `/module` has a `widget.js` of another vendor, and the widget as a module. */
  readonly origin: string;
  /** The same page of an origin that is another one to a browser. */
  readonly otherOrigin: string;
  /** Where the service is, once it has been started. */
  serve(service: { readonly address: string; readonly webSocket: string }): void;
  stop(): Promise<void>;
}

/** Rules that reach everything which doesn't keep them out. */
const STYLE = `
html { background: light-dark(#fff, #111); }
* { font: italic 31px/3 monospace; letter-spacing: 5px; text-transform: uppercase; color: light-dark(#c00, #f88); box-sizing: content-box; }
button, textarea, svg, section, header { display: none; }
`;

export async function startCompanySite(): Promise<CompanySite> {
  let page = '';
  let modulePage = '';
  let policy = '';
  const server: Server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://host');
    if (pathname === '/host.css') response.writeHead(200, { 'content-type': 'text/css' }).end(STYLE);
    else if (pathname === '/widget.js') response.writeHead(200, { 'content-type': 'text/javascript' }).end();
    else if (pathname === '/module') {
      response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(modulePage);
    } else if (pathname === '/favicon.ico') response.writeHead(204).end();
    else {
      const headers = { 'content-type': 'text/html; charset=utf-8', 'content-security-policy': policy };
      response.writeHead(200, headers).end(page);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, resolve));
  const { port } = server.address() as AddressInfo;
  return {
    origin: `http://localhost:${port}`,
    otherOrigin: `http://127.0.0.1:${port}`,
    serve: ({ address, webSocket }) => {
      policy = [
        "default-src 'none'",
        "style-src 'self'",
        `script-src ${address}`,
        `connect-src ${address} ${webSocket}`,
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
      ].join('; ');
      modulePage = `<!doctype html>
<title>A company</title>
<script src="/widget.js"></script>
<script type="module" src="${address}/widget.js"></script>`;
      page = `<!doctype html>
<html lang="en">
  <head>
    <title>A company</title>
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <link rel="stylesheet" href="/host.css">
    <base href="/somewhere/else/">
    <script async src="${address}/widget.js"></script>
  </head>
  <body>
    <main>
      <h1>A company</h1>
      <p><a href="#">A link</a></p>
    </main>
  </body>
</html>`;
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
