import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { values } from '../../support/parameterStore.ts';
import { Ses } from '../../support/ses.ts';
import { signatureFault } from '../../support/sigv4.ts';
import type { DeployedFunction } from '../deployed.ts';
import type { Statement } from '../emulatedAws.ts';
import { allows } from '../policies.ts';

const ACCOUNT = 'eu-central-1:123456789012';
const SECRET = 'secret';

/**
 * What functions reach of AWS: the Parameter Store and, in front of a gateway of ours, the management API, the functions that are called
 * by name, and SES. All look into the caller's role. A function is known by the access key it signs with.
 */
export class AwsFront {
  readonly #server: Server;
  readonly #roles: ReadonlyMap<string, readonly Statement[]>;
  readonly #parameters: Readonly<Record<string, string>>;
  readonly #gateway: string;
  readonly #apiId: string;
  readonly #stage: string;
  /** What was asked for and not allowed, or not as it should be. */
  readonly refused: string[] = [];
  /** Which function has read which parameters, per request. */
  readonly read: string[] = [];

  readonly ses = new Ses();
  readonly #sockets = new Set<Socket>();
  readonly #unanswered = new Map<string, () => void>();

  /** Resolves when this function next reads its secrets, which it gets no answer to. */
  leaveUnanswered(name: string): Promise<void> {
    return new Promise((resolve) => this.#unanswered.set(accessKey(name), resolve));
  }

  static async start(
    functions: readonly DeployedFunction[],
    parameters: Readonly<Record<string, string>>,
    gateway: string,
  ): Promise<AwsFront> {
    const front = new AwsFront(functions, parameters, gateway);
    await new Promise<void>((resolve) => front.#server.listen(0, '127.0.0.1', resolve));
    return front;
  }

  private constructor(
    functions: readonly DeployedFunction[],
    parameters: Readonly<Record<string, string>>,
    gateway: string,
  ) {
    this.#roles = new Map(functions.map(({ name, statements }) => [accessKey(name), statements]));
    this.#parameters = parameters;
    this.#gateway = gateway;
    const endpoint = /^https:\/\/(\w+)\.[^/]+\/(\w+)$/.exec(functions[0]?.environment['WEBSOCKET_ENDPOINT'] ?? '');
    this.#apiId = endpoint?.[1] ?? '';
    this.#stage = endpoint?.[2] ?? '';
    this.#server = createServer((request, response) => void this.#serve(request, response));
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
  }

  /** What the function's environment is to have, for it to come here. */
  environment(one: DeployedFunction): Readonly<Record<string, string>> {
    const here = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
    return {
      AWS_REGION: 'eu-central-1',
      AWS_ACCESS_KEY_ID: accessKey(one.name),
      AWS_SECRET_ACCESS_KEY: SECRET,
      AWS_SESSION_TOKEN: 'session',
      AWS_ENDPOINT_URL_SSM: here,
      AWS_ENDPOINT_URL_LAMBDA: here,
      AWS_ENDPOINT_URL_SESV2: here,
      WEBSOCKET_ENDPOINT: `${here}/${this.#stage}`,
    };
  }

  /** Resets every connection functions hold open, as happens while they are frozen. */
  cutSockets(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await buffer(request);
    const signed = /Credential=([^/]+)\/\d{8}\/eu-central-1\/([\w-]+)\/aws4_request/.exec(
      request.headers.authorization ?? '',
    );
    const [, key = '', api = ''] = signed ?? [];
    const refuse = (status: number, type: string, why: string) => {
      this.refused.push(`${key}: ${why}`);
      response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1', 'x-amzn-errortype': type });
      response.end(JSON.stringify({ __type: type, message: why }));
    };
    if (!this.#roles.has(key) || request.headers['x-amz-security-token'] !== 'session') {
      return refuse(403, 'UnrecognizedClientException', 'not signed by a function');
    }
    const { method = '', url = '', headers } = request;
    const fault = signatureFault({ method, url, headers, body }, SECRET);
    if (fault) return refuse(403, 'InvalidSignatureException', `${method} ${url}: ${fault}`);
    if (api === 'ssm') {
      const asked = this.#unanswered.get(key);
      if (asked) {
        this.#unanswered.delete(key);
        return asked();
      }
      const { Names = [], WithDecryption } = JSON.parse(body.toString()) as {
        readonly Names?: readonly string[];
        readonly WithDecryption?: boolean;
      };
      const target = String(request.headers['x-amz-target']);
      const denied = Names.map((name) => `arn:aws:ssm:${ACCOUNT}:parameter${name}`).filter(
        (resource) => !this.#allows(key, 'ssm:GetParameters', resource),
      );
      // One that isn't allowed, and none is given.
      if (target !== 'AmazonSSM.GetParameters' || denied.length > 0) {
        return refuse(400, 'AccessDeniedException', `${target} on ${denied.join(' ')}`);
      }
      const isOneTwice = new Set(Names).size < Names.length;
      if (Names.length === 0 || Names.length > 10 || isOneTwice) {
        return refuse(400, 'ValidationException', `Names: ${Names.join(' ')}`);
      }
      // Without it, AWS answers the encrypted value.
      if (WithDecryption !== true) return refuse(400, 'ValidationException', `${Names.join(' ')} without decryption`);
      this.read.push(`${key} ${Names.toSorted().join(' ')}`);
      return values(this.#parameters)(response, Names);
    }
    if (api === 'lambda') {
      const [, called = ''] = /^\/2015-03-31\/functions\/([^/]+)\/invocations$/.exec(url) ?? [];
      const wanted = `arn:aws:lambda:${ACCOUNT}:function:${called}`;
      if (!this.#allows(key, 'lambda:InvokeFunction', wanted)) return refuse(403, 'AccessDeniedException', wanted);
      const answer = await fetch(
        this.#gateway + url.replace(called, called.replace(/^live-support-\w+-/, 'live-support-test-')),
        {
          method,
          headers: {
            authorization: String(headers.authorization),
            'x-amz-invocation-type': String(headers['x-amz-invocation-type']),
          },
          body,
        },
      );
      response.writeHead(answer.status).end();
      return;
    }
    if (api === 'ses') {
      // SES asks for the right on the identity that it knows: the domain, or the address.
      const from = String(JSON.parse(body.toString()).FromEmailAddress).replace(/^.*<(.*)>$/, '$1');
      const wanted = `arn:aws:ses:${ACCOUNT}:identity/${from}`;
      if (!this.#allows(key, 'ses:SendEmail', wanted)) return refuse(403, 'AccessDeniedException', wanted);
      return this.ses.answer(request, body, response, SECRET);
    }
    const [, stage = '', path = ''] = /^\/([^/]+)(\/@connections\/[^?]+)/.exec(request.url ?? '') ?? [];
    const resource = `arn:aws:execute-api:${ACCOUNT}:${this.#apiId}/${stage}/${request.method}${path}`;
    if (api !== 'execute-api' || !this.#allows(key, 'execute-api:ManageConnections', resource)) {
      return refuse(403, 'ForbiddenException', `${request.method} ${resource}`);
    }
    const { authorization = '' } = request.headers;
    try {
      const answer = await fetch(this.#gateway + path, {
        method: request.method ?? 'GET',
        headers: { authorization },
        ...(request.method === 'POST' && { body }),
      });
      response
        .writeHead(answer.status, Object.fromEntries(answer.headers))
        .end(Buffer.from(await answer.arrayBuffer()));
    } catch {
      response.destroy();
    }
  }

  #allows(key: string, action: string, resource: string): boolean {
    return allows(this.#roles.get(key) ?? [], action, resource);
  }
}

const accessKey = (name: string): string => `role-${name}`;
