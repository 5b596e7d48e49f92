import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { signatureFault } from './sigv4.ts';

/** A mail as SES has taken it. */
export interface SentMail {
  readonly from: string;
  readonly to: string;
  readonly subject: string;
  readonly text: string;
}

/**
 * What SES does with a request, instead of taking the mail: answers an error, answers nothing, or takes the mail and breaks off
 * before the answer.
 */
export type SesFault =
  | { readonly status: number; readonly type: string; readonly message?: string }
  | 'silent'
  | 'taken, then broken off';

/** The senders it knows: an address, and a domain. */
const IDENTITIES = ['support@example.com', 'mail.example.com'];

const MAIL_PATH = '/v2/email/outbound-emails';
const ADDRESS = /^[^\s@<>,]{1,64}@[^\s@<>,]{1,255}$/;

/**
 * SES, version 2 of its API, as far as the service calls it, and as strict:
 * https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html
 */
export class Ses {
  /** What it has taken, in order. */
  readonly mails: SentMail[] = [];
  /** What it does with the next requests, one each; after that it takes what it gets. */
  faults: SesFault[] = [];
  /** How often it was asked. */
  requests = 0;

  static serves(url = ''): boolean {
    return url.startsWith('/v2/email/');
  }

  /** Answers a request that is to be signed with this secret. */
  answer(request: IncomingMessage, body: Buffer, response: ServerResponse, secret: string): void {
    const outcome = refusalOf(request, body, secret) ?? this.#take(body);
    if (outcome === 'silent') return;
    if (outcome === 'taken, then broken off') {
      response.destroy();
    } else if (outcome === 'taken') {
      const MessageId = `0107${randomUUID()}-000000`;
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ MessageId }));
    } else {
      const { status, type, message = type } = outcome;
      response
        .writeHead(status, {
          'content-type': 'application/json',
          'x-amzn-errortype': `${type}:http://internal.amazon.com/`,
        })
        .end(JSON.stringify({ message }));
    }
  }

  /** Takes a mail, unless a fault comes first. */
  #take(body: Buffer): SesFault | 'taken' {
    this.requests += 1;
    const fault = this.faults.shift();
    if (fault !== undefined && fault !== 'taken, then broken off') return fault;
    const mail = readMail(body);
    if (typeof mail === 'string') return { status: 400, type: 'BadRequestException', message: mail };
    const sender = mail.from.replace(/^.*<(.*)>$/, '$1');
    if (![sender, sender.replace(/^.*@/, '')].some((identity) => IDENTITIES.includes(identity))) {
      const message = `Email address is not verified: ${sender}, ${mail.to}`;
      return { status: 400, type: 'MessageRejected', message };
    }
    this.mails.push(mail);
    return fault ?? 'taken';
  }
}

/** Why AWS would not look into the request, if it would not. */
function refusalOf(request: IncomingMessage, body: Buffer, secret: string): SesFault | undefined {
  const { method = '', url = '', headers } = request;
  const unsigned = signatureFault({ method, url, headers, body }, secret);
  const forSes = /\/ses\/aws4_request/.test(headers.authorization ?? '');
  if (unsigned || !forSes) {
    return { status: 403, type: 'InvalidSignatureException', message: unsigned ?? 'signed for another service' };
  }
  if (method !== 'POST' || url !== MAIL_PATH) return { status: 404, type: 'UnknownOperationException' };
  if (headers['content-type'] !== 'application/json') return { status: 415, type: 'UnsupportedMediaTypeException' };
  return undefined;
}

/** Returns the mail, or what is wrong with it. AWS ignores fields it doesn't know: here a misspelt one is wrong. */
function readMail(body: Buffer): SentMail | string {
  try {
    const request = fieldsOf(JSON.parse(body.toString()), ['FromEmailAddress', 'Destination', 'Content']);
    const { ToAddresses } = fieldsOf(request['Destination'], ['ToAddresses']);
    const { Simple } = fieldsOf(request['Content'], ['Simple']);
    const { Subject, Body } = fieldsOf(Simple, ['Subject', 'Body']);
    const { Text } = fieldsOf(Body, ['Text']);
    const [from, to] = [request['FromEmailAddress'], ...[ToAddresses].flat()] as string[];
    if (!Array.isArray(ToAddresses) || ToAddresses.length !== 1 || !ADDRESS.test(to ?? '')) return 'ToAddresses';
    if (typeof from !== 'string' || !ADDRESS.test(from.replace(/^[\w '.-]+ <(.*)>$/, '$1'))) return 'FromEmailAddress';
    return { from, to: to ?? '', subject: textOf(Subject), text: textOf(Text) };
  } catch (error) {
    return (error as Error).message;
  }
}

function fieldsOf(value: unknown, names: readonly string[]): Record<string, unknown> {
  const keys = Object.keys(Object(value)).sort();
  if (keys.join() !== [...names].sort().join()) throw new Error(`${keys.join(', ')}, not ${names.join(', ')}`);
  return value as Record<string, unknown>;
}

function textOf(value: unknown): string {
  const { Data, Charset } = fieldsOf(value, ['Data', 'Charset']);
  if (typeof Data !== 'string' || Data === '' || Charset !== 'UTF-8') throw new Error('Data, Charset');
  return Data;
}

/** The link in a text, and the token in the link's fragment. Throws where there is none. */
export function linkIn(text: string): { readonly url: string; readonly token: string } {
  const [url = '', token = ''] = /https?:\S+#[\w/?=-]*?=([\w-]{43})(?=\s|$)/.exec(text) ?? [];
  if (token === '') throw new Error(`no link in: ${text}`);
  return { url, token };
}
