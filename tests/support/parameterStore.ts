import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Asked {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
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
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const { method = '', url = '', headers } = request;
      const body = Buffer.concat(chunks);
      this.asked.push({ method, url, headers, body });
      const { Names } = JSON.parse(body.toString()) as { readonly Names: readonly string[] };
      (this.answers.shift() ?? broken)(response, Names);
      for (const resolve of this.#onAsked.splice(0)) resolve();
    });
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** The names asked for, request by request. */
  get names(): readonly (readonly string[])[] {
    return this.asked.map(({ body }) => (JSON.parse(body.toString()) as { readonly Names: readonly string[] }).Names);
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
