import {
  type AnswerOf,
  httpRequest,
  type OperationAt,
  type RequestOf,
  type RouteLine,
} from '../../lib/protocol/client.ts';

/** A refusal of the HTTP API, as its problem document says it. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly status: number;
  readonly code: string;
  /** By field, what is wrong with it: `email` for `/body/email`. */
  readonly fields: Readonly<Record<string, string>>;

  constructor(status: number, problem: Problem) {
    super(problem.detail ?? problem.title ?? `The service has answered ${status}.`);
    this.status = status;
    this.code = problem.code ?? '';
    this.fields = Object.fromEntries(
      (problem.errors ?? []).map(({ pointer, detail }) => [pointer.replace(/^\/\w+\//, ''), detail]),
    );
  }
}

interface Problem {
  readonly title?: string;
  readonly detail?: string;
  readonly code?: string;
  readonly errors?: readonly { readonly pointer: string; readonly detail: string }[];
}

/** The service could not be reached. */
export class Unreachable extends Error {
  override readonly name = 'Unreachable';
}

/** Calls the HTTP API, which is where the page is. Throws `Refusal` and `Unreachable`. */
export async function call<L extends RouteLine>(
  line: L,
  request: RequestOf<OperationAt<L>>,
  token?: string,
): Promise<AnswerOf<OperationAt<L>>> {
  const { method, path, body } = httpRequest(line, request);
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      headers: {
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body }),
    });
  } catch (cause) {
    throw new Unreachable('The service can’t be reached. Check the connection and try again.', { cause });
  }
  const text = await response.text();
  if (!response.ok) throw new Refusal(response.status, problemOf(text));
  return (text === '' ? undefined : JSON.parse(text)) as AnswerOf<OperationAt<L>>;
}

/** A proxy on the way answers with what is no problem document. */
function problemOf(text: string): Problem {
  try {
    return JSON.parse(text) as Problem;
  } catch {
    return {};
  }
}
