import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { resetConfig } from '../../lib/runtime/config.ts';
import { sendEmail } from '../../lib/runtime/sendEmail.ts';
import { type Mailbox, startMailbox } from '../../local/mailbox.ts';

/** What stands in for SES on a laptop, asked as the mail sender asks SES. */

const before = { ...process.env };
let parent: string;
let folder: string;
let mailbox: Mailbox;
let printed: string[];

beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'live-support-mail-'));
  folder = join(parent, 'mail');
  printed = [];
  mailbox = await startMailbox(folder, (text) => printed.push(text));
  Object.assign(process.env, {
    AWS_REGION: 'eu-central-1',
    AWS_ACCESS_KEY_ID: 'local',
    AWS_SECRET_ACCESS_KEY: 'local',
    AWS_SESSION_TOKEN: 'local',
    AWS_ENDPOINT_URL_SESV2: mailbox.url,
    MAIL_FROM: 'support@example.com',
    RESET_URL: 'http://localhost:3000/console#reset=',
  });
  resetConfig();
});
afterEach(async () => {
  await mailbox.stop();
  process.env = { ...before };
  resetConfig();
  await rm(parent, { recursive: true, force: true });
});

const mail = {
  to: 'kim@example.com',
  subject: 'Set a new password',
  text: 'Do so here:\n\nhttp://localhost/#reset=x\n',
};

it('prints a mail, and keeps it in a file of its own that nobody else reads', async () => {
  expect(await sendEmail(mail)).toEqual({ is: 'sent' });
  expect(await sendEmail({ ...mail, to: 'robin@example.com' })).toEqual({ is: 'sent' });
  const files = (await readdir(folder)).toSorted();
  expect(files).toHaveLength(2);
  const text = await readFile(join(folder, files[0] ?? ''), 'utf8');
  expect(text).toBe(
    'From: support@example.com\nTo: kim@example.com\nSubject: Set a new password\n\nDo so here:\n\nhttp://localhost/#reset=x\n',
  );
  expect((await stat(join(folder, files[0] ?? ''))).mode & 0o077).toBe(0);
  expect(printed).toHaveLength(2);
  expect(printed[0]).toContain(join(folder, files[0] ?? ''));
  expect(printed[0]).toContain('  http://localhost/#reset=x\n');
});

it('answers nothing else', async () => {
  const status = async (path: string, init: RequestInit) => (await fetch(mailbox.url + path, init)).status;
  const headers = { authorization: 'AWS4-HMAC-SHA256 Credential=local' };
  const path = '/v2/email/outbound-emails';
  expect(await status(path, { method: 'POST', body: '{}' })).toBe(403);
  expect(await status('/', { headers })).toBe(404);
  expect(await status(path, { method: 'POST', body: '{}', headers })).toBe(500);
  expect(printed).toEqual([]);
});

it('is no longer there once it is stopped: the mail is refused, not lost', async () => {
  await mailbox.stop();
  expect(await sendEmail(mail)).toEqual({ is: 'refused', code: 'ECONNREFUSED' });
});
