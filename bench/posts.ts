import { Agent, request } from 'node:http';
import { Hash } from '@smithy/core/serde';
import { SignatureV4 } from '@smithy/signature-v4';
import { post } from '../lib/realtime/gateway.ts';
import { CONTENT } from './harness/contestants.ts';
import { serve } from './harness/serve.ts';

/** Makes posts, one after the other, and says what processor time they took together. */

const endpoint = new URL(process.env['WEBSOCKET_ENDPOINT'] ?? '');
const CONNECTION = 'L0SM9cOFvHcCIhw=';
const FRAME = {
  event: 'NEW_MESSAGE',
  data: {
    id: '018f1d2e-7c44-7b1a-9d53-3f0a8f0f4c11',
    conversationId: '018f1d2e-7c44-7b1a-9d53-3f0a8f0f4c12',
    seq: 1000,
    senderId: '018f1d2e-7c44-7b1a-9d53-3f0a8f0f4c13',
    senderRole: 'candidate',
    senderName: 'Kim Candidate',
    content: CONTENT,
    clientMessageId: '018f1d2e-7c44-7b1a-9d53-3f0a8f0f4c14',
    sentAt: '2026-11-25T00:00:00.000Z',
  },
} as const;

const agent = new Agent({ keepAlive: true });
const path = `/@connections/${encodeURIComponent(CONNECTION)}`;

function send(headers: Readonly<Record<string, string>>, body: string): Promise<void> {
  return new Promise((fulfil, reject) => {
    const { hostname: host, port } = endpoint;
    const post = request({ host, port, path, agent, method: 'POST', headers }, (response) =>
      response.resume().once('end', fulfil),
    );
    post.once('error', reject).end(body);
  });
}

const signer = new SignatureV4({
  service: 'execute-api',
  region: process.env['AWS_REGION'] ?? '',
  credentials: {
    accessKeyId: process.env['AWS_ACCESS_KEY_ID'] ?? '',
    secretAccessKey: process.env['AWS_SECRET_ACCESS_KEY'] ?? '',
  },
  sha256: Hash.bind(null, 'sha256'),
});

const headersOf = (body: string) => ({
  host: endpoint.host,
  'content-type': 'application/octet-stream',
  'content-length': String(Buffer.byteLength(body)),
});

const KINDS: Readonly<Record<string, () => Promise<unknown>>> = {
  service: () => post(CONNECTION, FRAME),
  signed: async () => {
    const body = JSON.stringify(FRAME);
    const { hostname, protocol } = endpoint;
    const signed = await signer.sign({
      method: 'POST',
      protocol,
      hostname,
      path,
      headers: headersOf(body),
      body,
      query: {},
    });
    await send(signed.headers, body);
  },
  bare: () => {
    const body = JSON.stringify(FRAME);
    return send(headersOf(body), body);
  },
};

serve('posts', {
  post: async ({ kind, count }: { kind: string; count: number }): Promise<number> => {
    const make = KINDS[kind];
    if (!make) throw new Error(`nobody posts ${kind}`);
    const before = process.cpuUsage();
    for (let made = 0; made < count; made += 1) await make();
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000;
  },
});
