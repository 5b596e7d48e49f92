// Compiled and run in the generated client's folder by `npm run test:clients`.
import assert from 'node:assert/strict';
import createClient from 'openapi-fetch';
import type { components, paths } from './schema.d.ts';

const [, , baseUrl = ''] = process.argv;
const anyone = createClient<paths>({ baseUrl });

const email = `typescript-${Date.now()}@example.com`;
const registered = await anyone.POST('/auth/register', {
  body: { name: 'Kim', email, password: 'correct horse battery staple' },
});
assert(registered.data, 'no session');
const session: components['schemas']['Session'] = registered.data;
assert.equal(session.user.email, email);

const kim = createClient<paths>({ baseUrl, headers: { authorization: `Bearer ${session.accessToken}` } });
const opened = await kim.POST('/conversations', { body: { subject: 'My application', message: 'Hello' } });
assert(opened.data, 'no conversation');

const path = { conversationId: opened.data.id };
const read = await kim.GET('/conversations/{conversationId}', { params: { path } });
assert.equal(read.data?.status, 'open');
const messages = await kim.GET('/conversations/{conversationId}/messages', {
  params: { path, query: { afterSeq: 0, limit: 1 } },
});
assert.deepEqual(
  messages.data?.items.map(({ seq, content }) => [seq, content]),
  [[1, 'Hello']],
);

const refused = await kim.GET('/conversations/{conversationId}', { params: { path: { conversationId: 'nobodys' } } });
const code: components['schemas']['ErrorCode'] | undefined = refused.error?.code;
assert.equal(code, 'NOT_FOUND');
