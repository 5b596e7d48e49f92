import { mkdir, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';

/** As SES is asked to send it. */
interface SendEmail {
  readonly FromEmailAddress: string;
  readonly Destination: { readonly ToAddresses: readonly string[] };
  readonly Content: {
    readonly Simple: {
      readonly Subject: { readonly Data: string };
      readonly Body: { readonly Text: { readonly Data: string } };
    };
  };
}

export interface Mailbox {
  /** What `AWS_ENDPOINT_URL_SESV2` is to be. */
  readonly url: string;
  stop(): Promise<void>;
}

/**
 * Stands in for SES on this machine: prints each mail, and keeps it as a file of its own in `folder`. Only processes of this
 * machine reach it.
 */
export async function startMailbox(folder: string, print: (text: string) => void): Promise<Mailbox> {
  let kept = 0;
  const keep = async (request: IncomingMessage): Promise<string> => {
    const { FromEmailAddress: from, Destination, Content } = (await json(request)) as SendEmail;
    const { Subject, Body } = Content.Simple;
    const mail = `From: ${from}\nTo: ${Destination.ToAddresses.join(', ')}\nSubject: ${Subject.Data}\n\n${Body.Text.Data}`;
    kept += 1;
    const name = `${new Date().toISOString().replaceAll(':', '.')}-${kept}.txt`;
    await mkdir(folder, { recursive: true });
    // Links by which somebody sets a password: for this person's eyes only.
    await writeFile(join(folder, name), mail, { mode: 0o600 });
    print(`\nA mail, kept in ${join(folder, name)}:\n${mail.replaceAll(/^/gm, '  ')}\n`);
    return name;
  };
  const server = createServer(async (request, response) => {
    const answer = (status: number, body: object) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    // A page in a browser on this machine could send the rest, but not this header.
    if (!request.headers.authorization?.startsWith('AWS4-HMAC-SHA256 ')) return answer(403, {});
    if (request.method !== 'POST' || request.url !== '/v2/email/outbound-emails') return answer(404, {});
    return keep(request).then(
      (MessageId) => answer(200, { MessageId }),
      (error: unknown) => answer(500, { message: String(error) }),
    );
  });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
