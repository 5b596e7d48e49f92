import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

export interface Asked {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly names: readonly string[];
}

export type Answer = (response: ServerResponse, names: readonly string[]) => void;

/** An answer in JSON, as AWS words it. */
export const json =
  (status: number, body: unknown): Answer =>
  (response) =>
    response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1' }).end(JSON.stringify(body));
export const throttled = json(400, { __type: 'ThrottlingException', message: 'Rate exceeded' });
export const broken: Answer = (response) => response.destroy();
export const silent: Answer = () => undefined;

/** Those of these parameters that are asked for, in the alphabet's order. */
export const values =
  (parameters: Readonly<Record<string, string>>): Answer =>
  (response, names) => {
    const known = names.filter((name) => name in parameters).toSorted();
    const of = (name: string) => ({ Name: name, Type: 'SecureString', Value: parameters[name], Version: 1 });
    const InvalidParameters = names.filter((name) => !known.includes(name));
    json(200, { Parameters: known.map(of), InvalidParameters })(response, names);
  };

/** This answer, but not before it is released. */
export function held(answer: Answer): { readonly answer: Answer; readonly release: () => void } {
  let release: () => void = () => undefined;
  const isReleased = new Promise<void>((resolve) => {
    release = resolve;
  });
  return { answer: (response, names) => void isReleased.then(() => answer(response, names)), release };
}

/** A server that answers what it is told to, and breaks off where it was told nothing. */
export class ParameterStore {
  asked: Asked[] = [];
  answers: Answer[] = [];
  readonly #server: Server;
  #onAsked: (() => void)[] = [];

  static async start(): Promise<ParameterStore> {
    const store = new ParameterStore();
    await new Promise<void>((resolve) => store.#server.listen(0, '127.0.0.1', resolve));
    return store;
  }

  private constructor() {
    this.#server = createServer(async (request, response) => {
      const body = await buffer(request);
      const { method = '', url = '', headers } = request;
      const { Names: names } = JSON.parse(body.toString()) as { readonly Names: readonly string[] };
      this.asked.push({ method, url, headers, body, names });
      (this.answers.shift() ?? broken)(response, names);
      for (const resolve of this.#onAsked.splice(0)) resolve();
    });
  }

  /** What Lambda and the deployment give a function, for it to ask here. */
  get environment(): Readonly<Record<string, string>> {
    return {
      AWS_REGION: 'eu-central-1',
      AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
      AWS_SECRET_ACCESS_KEY: 'secret',
      AWS_SESSION_TOKEN: 'session',
      AWS_ENDPOINT_URL_SSM: `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`,
    };
  }

  /** The names asked for, request by request. */
  get names(): readonly (readonly string[])[] {
    return this.asked.map(({ names }) => names);
  }

  /** Resolves at the next request. */
  next(): Promise<void> {
    return new Promise((resolve) => this.#onAsked.push(resolve));
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
