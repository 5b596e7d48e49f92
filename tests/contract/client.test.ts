import type { AnswerEvent, AnswerOf, HttpOperation, OperationAt, RequestOf } from '../../lib/protocol/client.ts';
import { type ClientFrame, type EventAnswer, type EventData, httpRequest } from '../../lib/protocol/client.ts';
import type { ClientEventName, ServerData } from '../../lib/protocol/events.ts';
import type { SupervisorAnalytics } from '../../lib/protocol/objects/analytics.ts';
import type { HeldConversation, Message, OwnConversation } from '../../lib/protocol/objects/conversations.ts';
import type { Session, User } from '../../lib/protocol/objects/users.ts';
import type { Route } from '../../lib/protocol/route.ts';
import { routes } from '../../lib/protocol/routes.ts';

/** Are they the same type? What is `never` or optional counts. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** `npm run typecheck` holds it; there is nothing to run. */
const holds = <_Fact extends true>(): void => undefined;

describe('the types of an HTTP operation', () => {
  it('have the parts of its request that it has, and no others', () => {
    holds<Same<keyof RequestOf<'getMe'>, never>>();
    holds<Same<keyof RequestOf<'getConversation'>, 'params'>>();
    holds<Same<keyof RequestOf<'listMessages'>, 'params' | 'query'>>();
    holds<Same<keyof RequestOf<'assignConversation'>, 'params' | 'body'>>();
    holds<Same<RequestOf<'login'>, { readonly body: { email: string; password: string } }>>();
  });

  it('take a query as what it means', () => {
    const list: RequestOf<'listConversations'> = { query: { limit: 5, status: 'open', cursor: undefined } };
    const people: RequestOf<'listUsers'> = { query: { active: false, role: 'agent' } };
    const period: RequestOf<'supervisorAnalytics'> = { query: { from: new Date(0), to: '2026-01-31T09:30:00Z' } };
    const everything: RequestOf<'listConversations'> = {};
    // @ts-expect-error: a number is no text.
    const text: RequestOf<'listConversations'> = { query: { limit: '5' } };
    // @ts-expect-error: there is no such status.
    const status: RequestOf<'listConversations'> = { query: { status: 'lost' } };
    // @ts-expect-error: a flag is no text.
    const flag: RequestOf<'listUsers'> = { query: { active: 'true' } };
    // @ts-expect-error: nothing is taken that the operation doesn't know.
    const unknown: RequestOf<'listUsers'> = { query: { name: 'Kim' } };
    expect([list, people, period, everything, text, status, flag, unknown]).toHaveLength(8);
  });

  it('want what must be there', () => {
    // @ts-expect-error: which conversation?
    const which: RequestOf<'getConversation'> = {};
    // @ts-expect-error: a subject is wanted.
    const about: RequestOf<'createConversation'> = { body: { message: 'Hello' } };
    const enough: RequestOf<'createConversation'> = { body: { subject: 'My application' } };
    // @ts-expect-error: a candidate registers by themselves.
    const role: RequestOf<'createUser'>['body']['role'] = 'candidate';
    expect([which, about, enough, role]).toHaveLength(4);
  });

  it('say what it answers', () => {
    holds<Same<AnswerOf<'login'>, Session>>();
    holds<Same<AnswerOf<'getMe'>, User>>();
    holds<Same<AnswerOf<'logout'>, undefined>>();
    holds<
      Same<AnswerOf<'listConversations'>, { items: (OwnConversation | HeldConversation)[]; nextCursor: string | null }>
    >();
    holds<Same<AnswerOf<'listMessages'>, { items: Message[]; nextAfterSeq: number | null }>>();
    holds<Same<AnswerOf<'supervisorAnalytics'>, SupervisorAnalytics>>();
    holds<Same<AnswerOf<'login' | 'getMe'>, Session | User>>();
    // @ts-expect-error: what is absent is null, never missing.
    const missing: AnswerOf<'getUser'>['supervisorId'] = undefined;
    expect(missing).toBeUndefined();
  });

  it('tell operations of one path apart', () => {
    holds<Same<OperationAt<'GET /users/{userId}'>, 'getUser'>>();
    holds<Same<OperationAt<'PATCH /users/{userId}'>, 'updateUser'>>();
    holds<Same<Extract<HttpOperation, ClientEventName>, never>>();
  });
});

describe('the types of an event', () => {
  it('say what it carries and how it is answered', () => {
    holds<Same<EventData<'JOIN_CONVERSATION'>, { conversationId: string; afterSeq?: number | undefined }>>();
    holds<Same<AnswerEvent<'SEND_MESSAGE'>, 'MESSAGE_ACCEPTED'>>();
    holds<Same<EventAnswer<'SEND_MESSAGE'>, ServerData<'MESSAGE_ACCEPTED'>>>();
    holds<Same<EventAnswer<'JOIN_CONVERSATION'>['messages'], Message[]>>();
    holds<Same<ServerData<'NEW_MESSAGE'>, Message>>();
    holds<Same<ClientFrame['event'], ClientEventName>>();
  });

  it('keep a frame’s data with its event', () => {
    const ping: ClientFrame = { event: 'PING', data: {}, requestId: '1' };
    // @ts-expect-error: a ping carries no message.
    const loud: ClientFrame = { event: 'PING', data: { conversationId: 'c', content: 'Hello' } };
    // @ts-expect-error: what is to be sent?
    const silent: ClientFrame<'SEND_MESSAGE'> = { event: 'SEND_MESSAGE', data: { conversationId: 'c' } };
    expect([ping, loud, silent]).toHaveLength(3);
  });
});

describe('a request', () => {
  it('is written as it goes over the wire', () => {
    expect(httpRequest('GET /auth/me', {})).toEqual({ method: 'GET', path: '/auth/me' });
    expect(
      httpRequest('GET /conversations/{conversationId}/messages', {
        params: { conversationId: 'a/b c' },
        query: { afterSeq: 0, limit: undefined },
      }),
    ).toEqual({ method: 'GET', path: '/conversations/a%2Fb%20c/messages?afterSeq=0' });
    expect(
      httpRequest('POST /conversations/{conversationId}/assign', {
        params: { conversationId: 'c' },
        body: { agentId: 'a' },
      }),
    ).toEqual({ method: 'POST', path: '/conversations/c/assign', body: '{"agentId":"a"}' });
  });

  it('is understood as it was meant', () => {
    const query = { from: new Date('2026-01-31T09:30:00.000Z'), to: '2026-01-31T10:30:00.5+01:00' };
    const { path } = httpRequest('GET /analytics/supervisors', { query });
    const received = Object.fromEntries(new URLSearchParams(path.split('?')[1]));
    expect(routes.supervisorAnalytics.query.parse(received)).toEqual({ from: query.from, to: new Date(query.to) });
    const list = httpRequest('GET /users', { query: { active: false, limit: 7, role: 'agent', cursor: 'a+b&c=' } });
    const taken = routes.listUsers.query.parse(Object.fromEntries(new URLSearchParams(list.path.split('?')[1])));
    expect(taken).toEqual({ active: false, limit: 7, role: 'agent', cursor: 'a+b&c=' });
  });

  it.each(['', '.', '..'])('is refused where %j would change its path', (userId) => {
    expect(() => httpRequest('GET /users/{userId}', { params: { userId } })).toThrow(RangeError);
  });

  it('can be made of every route', () => {
    const params = { userId: 'u', conversationId: 'c', replyId: 'r' };
    for (const { method, path } of Object.values<Route>(routes)) {
      const made = httpRequest(`${method} ${path}` as 'GET /users/{userId}', { params });
      expect(made).toEqual({ method, path: path.replaceAll(/\{(\w)\w+\}/g, '$1') });
    }
  });
});
