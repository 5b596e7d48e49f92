import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Progress } from '../harness/progress.ts';
import { Server } from '../harness/server.ts';
import type { PostsResult } from '../report/results.ts';

/** The processor time of one post to a connection, as the service makes it, and by less. A process makes nothing else. */

const RUNS = 5;
const POSTS = 2_000;

/** The kinds of posts that posts.ts makes, by their names on the page. */
const KINDS = [
  ['The service, by the AWS SDK', 'service'],
  ["Node's HTTP, signed by the SDK's signer", 'signed'],
  ["Node's HTTP, not signed", 'bare'],
] as const;

export async function measurePosts(progress: Progress, { posts = POSTS, runs = RUNS } = {}): Promise<PostsResult> {
  const sink = createServer((request, response) => void request.resume().once('end', () => response.end()));
  await new Promise<void>((resolve) => sink.listen(0, '127.0.0.1', resolve));
  const { port } = sink.address() as AddressInfo;
  const server = await Server.start('posts.ts', {
    WEBSOCKET_ENDPOINT: `http://127.0.0.1:${port}`,
    LOG_LEVEL: 'info',
    AWS_REGION: 'eu-central-1',
    AWS_ACCESS_KEY_ID: 'bench',
    AWS_SECRET_ACCESS_KEY: 'bench',
  });
  try {
    const results: PostsResult['runs'][number][] = [];
    // The first one is not counted: it warms up.
    for (let run = -1; run < runs; run += 1) {
      progress.at('posts', Math.max(0, run), runs);
      const spent: PostsResult['runs'][number][number][] = [];
      for (const [name, kind] of KINDS) {
        const cpuMs = await server.ask<number>('post', { kind, count: posts });
        spent.push({ name, cpuMs: cpuMs / posts });
      }
      if (run >= 0) results.push(spent);
    }
    return { posts, runs: results };
  } finally {
    await server.stop();
    sink.closeAllConnections();
    sink.close();
  }
}
