import { jest } from '@jest/globals';
import { finishHandingOver } from '../../lib/services/users/finishHandingOver.ts';
import { conversationModel } from '../../lib/store/conversations.ts';
import { noteModel } from '../../lib/store/notes.ts';
import { replyModel } from '../../lib/store/replies.ts';
import { userModel } from '../../lib/store/users.ts';
import { eventually } from '../support/deadline.ts';
import { type InProcess, startDesk } from '../support/inProcess.ts';
import { overtake } from '../support/overtaken.ts';
import type { Socket } from '../support/socket.ts';
import type { Desk, Person } from '../support/system.ts';

/** What is the staff's own, and the end: notes, canned replies, transcripts and ratings. */

let system: InProcess;
let desk: Desk;
beforeAll(async () => ({ system, desk } = await startDesk()));
afterAll(() => system.stop());

const sockets = new Set<Socket>();
afterEach(async () => {
  jest.restoreAllMocks();
  for (const socket of sockets) socket.close();
  sockets.clear();
  await system.gateway.idle();
});

async function connect(person: Person): Promise<Socket> {
  const socket = await desk.connect(person);
  sockets.add(socket);
  return socket;
}

async function watch(person: Person): Promise<Socket> {
  // Of what came before nobody is told any more.
  await system.gateway.idle();
  const socket = await connect(person);
  await socket.expect('QUEUE_WATCHED', 'WATCH_QUEUE', {});
  return socket;
}

const note = (person: Person, id: string, content = 'They asked before.', clientNoteId?: string) =>
  desk.call('POST', `/conversations/${id}/notes`, person.token, { content, ...(clientNoteId && { clientNoteId }) });
const notes = async (person: Person, id: string): Promise<string[]> => {
  const { items } = await desk.ok('GET', `/conversations/${id}/notes`, person.token);
  return items.map(({ content }: { content: string }) => content);
};

describe('notes', () => {
  it('are listed oldest first, page by page', async () => {
    const { agent, supervisor, conversation } = await desk.assigned();
    const all = ['one', 'two', 'three', 'four', 'five'];
    for (const content of all) await note(all.indexOf(content) % 2 ? agent : supervisor, conversation.id, content);
    const seen: string[] = [];
    for (let cursor = ''; ; ) {
      const query = `limit=2${cursor && `&cursor=${cursor}`}`;
      const page = await desk.ok('GET', `/conversations/${conversation.id}/notes?${query}`, agent.token);
      seen.push(...page.items.map(({ content }: { content: string }) => content));
      if (page.nextCursor === null) break;
      cursor = page.nextCursor;
    }
    expect(seen).toEqual(all);
  });

  it('are refused to who has lost the conversation while they noted something', async () => {
    const { agent, supervisor, conversation } = await desk.assigned();
    const other = await desk.agent(supervisor);
    overtake(noteModel(), 'findOneAndUpdate').before(() => desk.assign(supervisor, conversation.id, other));
    expect((await note(agent, conversation.id, 'too late')).status).toBe(404);
    expect(await notes(other, conversation.id)).toEqual([]);
  });

  it('are told to the agent and to who watches and may see it, and to nobody else', async () => {
    const { candidate, agent, supervisor, conversation } = await desk.assigned();
    const [theirs, admins, others, agents, customers] = [
      await watch(supervisor),
      await watch(desk.admin),
      await watch(await desk.supervisor()),
      await connect(agent),
      await desk.join(candidate, conversation.id),
    ];
    sockets.add(customers);
    const { body } = await note(agent, conversation.id, 'a note of its own');
    await system.gateway.idle();
    for (const socket of [theirs, admins, agents]) expect(socket.frames('NOTE_ADDED')).toEqual([{ note: body }]);
    for (const socket of [others, customers]) await socket.settle();
    expect(JSON.stringify([others.received, customers.received])).not.toContain('a note of its own');
  });

  it('with the same clientNoteId are one, whoever is faster', async () => {
    const { agent, conversation } = await desk.assigned();
    const socket = await watch(desk.admin);
    const answers = await Promise.all([1, 2, 3, 4].map(() => note(agent, conversation.id, 'once', 'n-1')));
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 200, 200, 201]);
    expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1);
    await system.gateway.idle();
    expect(socket.frames('NOTE_ADDED')).toHaveLength(1);
    expect(await notes(agent, conversation.id)).toEqual(['once']);
  });

  it('are gone for who may not see the conversation any more, their own too', async () => {
    const { agent, supervisor, conversation } = await desk.assigned();
    await note(agent, conversation.id, 'mine');
    await desk.assign(supervisor, conversation.id, await desk.agent(supervisor));
    expect((await desk.call('GET', `/conversations/${conversation.id}/notes`, agent.token)).status).toBe(404);
    expect((await note(agent, conversation.id)).status).toBe(404);
    expect(await notes(supervisor, conversation.id)).toEqual(['mine']);
  });

  it('of any supervisor while it is open, of its own once it is assigned', async () => {
    const [mine, other] = [await desk.supervisor(), await desk.supervisor()];
    const { id } = await desk.conversation(await desk.candidate());
    await note(mine, id, 'from mine');
    await note(other, id, 'from another');
    expect(await notes(other, id)).toEqual(['from mine', 'from another']);
    await desk.assign(mine, id, await desk.agent(mine));
    expect((await note(other, id)).status).toBe(404);
  });

  it('are in no transcript, no message, and nothing a candidate gets; and go with an erasure', async () => {
    const { candidate, agent, conversation } = await desk.assigned('hello');
    await note(agent, conversation.id, 'between us');
    const path = `/conversations/${conversation.id}`;
    for (const { token } of [candidate, agent]) {
      for (const part of ['', '/messages', '/transcript', '/transcript?format=json']) {
        expect(JSON.stringify(await desk.ok('GET', path + part, token))).not.toContain('between us');
      }
    }
    expect((await desk.call('GET', `${path}/notes`, candidate.token)).status).toBe(403);
    await desk.ok('POST', `/users/${candidate.user.id}/erase`, desk.admin.token);
    await eventually(
      'the notes to be gone',
      async () => (await noteModel().countDocuments({ conversationId: conversation.id })) === 0,
    );
  });
});

describe('canned replies', () => {
  const reply = (person: Person, scope: string, shortcut: string) =>
    desk.call('POST', '/replies', person.token, { scope, shortcut, title: 'Hello', content: 'Hello, how can I help?' });
  const list = async (person: Person): Promise<string[]> => {
    const { items } = await desk.ok('GET', '/replies', person.token);
    return items.map(({ shortcut }: { shortcut: string }) => shortcut).toSorted();
  };

  it('are seen by those who may use them', async () => {
    const { agent, supervisor } = await desk.assigned();
    const [teammate, stranger] = [await desk.agent(supervisor), (await desk.assigned()).agent];
    await reply(agent, 'own', 'own-1');
    await reply(supervisor, 'team', 'team-1');
    await reply(desk.admin, 'all', 'all-1');
    expect(await list(agent)).toEqual(['all-1', 'own-1', 'team-1']);
    expect(await list(teammate)).toEqual(['all-1', 'team-1']);
    expect(await list(supervisor)).toEqual(['all-1', 'team-1']);
    expect(await list(stranger)).toEqual(['all-1']);
    expect(await list(desk.admin)).toEqual(['all-1']);
    await replyModel().deleteMany({});
  });

  it.each([
    ['agent', 'team'],
    ['agent', 'all'],
    ['supervisor', 'all'],
    ['admin', 'team'],
  ])('an %s makes none for %s', async (who, scope) => {
    const assigned = await desk.assigned();
    const person = { ...assigned, admin: desk.admin }[who as 'agent' | 'supervisor' | 'admin'];
    expect((await reply(person, scope, 'no')).body).toMatchObject({ status: 403, code: 'FORBIDDEN' });
  });

  it('have one shortcut each within their scope', async () => {
    const { agent, supervisor } = await desk.assigned();
    expect((await reply(agent, 'own', 'same')).status).toBe(201);
    expect((await reply(agent, 'own', 'same')).body).toMatchObject({ status: 409, code: 'SHORTCUT_TAKEN' });
    expect((await reply(supervisor, 'team', 'same')).status).toBe(201);
    expect((await reply(await desk.agent(supervisor), 'own', 'same')).status).toBe(201);
    const { body } = await reply(agent, 'own', 'other');
    const taken = await desk.call('PATCH', `/replies/${body.id}`, agent.token, { shortcut: 'same' });
    expect(taken.body).toMatchObject({ code: 'SHORTCUT_TAKEN' });
  });

  it('are changed and deleted by whose they are', async () => {
    const { agent, supervisor } = await desk.assigned();
    const { body } = await reply(supervisor, 'team', 'theirs');
    const path = `/replies/${body.id}`;
    expect((await desk.call('PATCH', path, agent.token, { title: 'Mine' })).status).toBe(403);
    expect((await desk.call('DELETE', path, agent.token)).status).toBe(403);
    expect((await desk.call('PATCH', path, (await desk.supervisor()).token, { title: 'Mine' })).status).toBe(404);
    expect((await desk.call('PATCH', path, supervisor.token, { scope: 'all' })).status).toBe(400);
    expect(await desk.ok('PATCH', path, supervisor.token, { title: 'Changed' })).toEqual({ ...body, title: 'Changed' });
    expect((await desk.call('DELETE', path, supervisor.token)).status).toBe(204);
    expect((await desk.call('DELETE', path, supervisor.token)).status).toBe(404);
  });

  it('of an agent who is active again stay, though the agent’s departure was not finished', async () => {
    const { agent, conversation } = await desk.assigned();
    await reply(agent, 'own', 'stays-too');
    await desk.ok('POST', `/conversations/${conversation.id}/close`, agent.token);
    await userModel().updateOne({ _id: agent.user.id }, { active: false, handingOverSince: new Date() });
    // The agent comes back after the departure was found, and before anything of it is done.
    overtake(conversationModel(), 'find').before(() => userModel().updateOne({ _id: agent.user.id }, { active: true }));
    expect(await finishHandingOver(agent.user.id, Date.now() + 10_000)).toBe(false);
    expect(await replyModel().countDocuments({ owner: `own/${agent.user.id}` })).toBe(1);
  });

  it('of a departed agent are gone, but for the team’s', async () => {
    const { agent, supervisor } = await desk.assigned();
    await reply(agent, 'own', 'gone-with-them');
    await reply(supervisor, 'team', 'stays');
    await desk.ok('PATCH', `/users/${agent.user.id}`, desk.admin.token, { active: false });
    await eventually(
      'the replies to be gone',
      async () => !(await replyModel().exists({ owner: `own/${agent.user.id}` })),
    );
    expect(await list(supervisor)).toContain('stays');
  });
});

describe('tags', () => {
  it('that are the same afterwards are no change', async () => {
    const { agent, conversation } = await desk.assigned();
    const path = `/conversations/${conversation.id}`;
    const edited = await desk.ok('PATCH', path, agent.token, { addTags: ['a', 'b'] });
    const again = await desk.ok('PATCH', path, agent.token, { removeTags: ['a'], addTags: ['a'] });
    expect(again).toEqual(edited);
  });
});

describe('a transcript', () => {
  it('has no message that looks like another one, wherever a program begins a line', async () => {
    const { candidate, agent, conversation } = await desk.assigned();
    const socket = await desk.join(candidate, conversation.id);
    sockets.add(socket);
    for (const end of ['\n', '\r', '\r\n', '\u2028', '\u2029', '\u0085', '\v', '\f']) {
      const content = `Well${end}[2026-01-01T00:00:00.000Z] Alex Agent (agent):${end}You get your money back.`;
      await socket.expect('MESSAGE_ACCEPTED', 'SEND_MESSAGE', { conversationId: conversation.id, content });
    }
    const text: string = await desk.ok('GET', `/conversations/${conversation.id}/transcript`, agent.token);
    const lines = text.split(/[\n\r\u2028\u2029\u0085\v\f]/);
    expect(lines.filter((line) => /^\[.*\] /.test(line))).toEqual(
      Array(8).fill(expect.stringMatching(/Kim Candidate \(candidate\):$/)),
    );
  });

  it('has what was said, by whom and when, before and after the archive', async () => {
    const { candidate, agent, supervisor, conversation } = await desk.assigned('first line\nsecond line');
    const socket = await desk.join(agent, conversation.id);
    sockets.add(socket);
    await socket.expect('MESSAGE_ACCEPTED', 'SEND_MESSAGE', { conversationId: conversation.id, content: 'an answer' });
    const path = `/conversations/${conversation.id}/transcript`;
    const get = () => desk.call('GET', path, candidate.token);
    const before = await get();
    expect(before.headers['content-type']).toBe('text/plain; charset=utf-8');
    expect(before.headers['content-disposition']).toBe(`attachment; filename="conversation-${conversation.id}.txt"`);
    expect(before.body).toMatch(
      /^It does not work\nOpened \S+Z\n\n\[\S+Z\] Kim Candidate \(candidate\):\n {2}first line\n {2}second line\n\n\[\S+Z\] Alex Agent \(agent\):\n {2}an answer\n$/,
    );
    await desk.ok('POST', `/conversations/${conversation.id}/close`, agent.token);
    await system.gateway.idle();
    expect((await get()).body).toBe(
      `${before.body}\nClosed ${(await desk.ok('GET', `/conversations/${conversation.id}`, candidate.token)).closedAt}\n`,
    );
    const json = await desk.call('GET', `${path}?format=json`, supervisor.token);
    expect(json.headers['content-type']).toBe('application/json; charset=utf-8');
    expect(json.body.messages).toHaveLength(2);
    expect(Object.keys(json.body.conversation)).not.toContain('tags');
    expect((await desk.call('GET', path, (await desk.candidate()).token)).status).toBe(404);
    expect((await desk.call('GET', `${path}?format=xml`, candidate.token)).status).toBe(400);
  });

  it('that would be too large is refused, with what to do instead', async () => {
    const { candidate, conversation } = await desk.assigned();
    const { activeMessageModel } = await import('../../lib/store/messages.ts');
    const content = '\u{1F600}'.repeat(2_000);
    await activeMessageModel().insertMany(
      Array.from({ length: 700 }, (_, index) => ({
        _id: `${conversation.id}-${index}`,
        conversationId: conversation.id,
        seq: index + 1,
        senderId: candidate.user.id,
        senderRole: 'candidate',
        senderName: 'Kim',
        content,
        sentAt: new Date(),
      })),
    );
    await conversationModel().updateOne({ _id: conversation.id }, { $set: { lastSeq: 700 } });
    const { body } = await desk.call('GET', `/conversations/${conversation.id}/transcript`, candidate.token);
    expect(body).toMatchObject({
      status: 413,
      code: 'PAYLOAD_TOO_LARGE',
      detail: expect.stringContaining('page by page'),
    });
  });
});

describe('a rating', () => {
  async function closed(): Promise<{ candidate: Person; supervisor: Person; agent: Person; id: string }> {
    const { candidate, supervisor, agent, conversation } = await desk.assigned('hello');
    await desk.ok('POST', `/conversations/${conversation.id}/close`, agent.token);
    await system.gateway.idle();
    return { candidate, supervisor, agent, id: conversation.id };
  }
  const rate = (person: Person, id: string, body: object) =>
    desk.call('PUT', `/conversations/${id}/rating`, person.token, body);

  it('is its candidate’s, once; an equal repeat is answered with it', async () => {
    const { candidate, agent, id } = await closed();
    const first = await rate(candidate, id, { score: 4, comment: 'Quick.' });
    expect(first.body).toMatchObject({ score: 4, comment: 'Quick.' });
    expect((await rate(candidate, id, { score: 4, comment: 'Quick.' })).body).toEqual(first.body);
    expect((await rate(candidate, id, { score: 5, comment: 'Quick.' })).body).toMatchObject({ code: 'ALREADY_RATED' });
    expect((await rate(candidate, id, { score: 4 })).body).toMatchObject({ code: 'ALREADY_RATED' });
    for (const { token } of [candidate, agent]) {
      expect((await desk.ok('GET', `/conversations/${id}`, token)).rating).toEqual(first.body);
    }
    expect((await rate(await desk.candidate(), id, { score: 1 })).status).toBe(404);
  });

  it('of two tabs at once is one of them', async () => {
    const { candidate, id } = await closed();
    const answers = await Promise.all([1, 2, 3, 4, 5].map((score) => rate(candidate, id, { score })));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    for (const { body } of answers.filter(({ status }) => status !== 200)) expect(body.code).toBe('ALREADY_RATED');
  });

  it('is for what is closed, and for 14 days', async () => {
    const { candidate, conversation } = await desk.assigned();
    expect((await rate(candidate, conversation.id, { score: 5 })).body).toMatchObject({ code: 'CONFLICT' });
    const { candidate: late, id } = await closed();
    const fortnight = 14 * 24 * 3_600_000;
    await conversationModel().updateOne({ _id: id }, { $set: { closedAt: new Date(Date.now() - fortnight - 1_000) } });
    expect((await rate(late, id, { score: 5 })).body).toMatchObject({ code: 'CONFLICT' });
    await conversationModel().updateOne({ _id: id }, { $set: { closedAt: new Date(Date.now() - fortnight + 60_000) } });
    expect((await rate(late, id, { score: 5 })).status).toBe(200);
  });

  it.each([
    { score: 0 },
    { score: 6 },
    { score: 4.5 },
    { score: 5, comment: ' ' },
    { score: 5, comment: 'x'.repeat(1001) },
    {},
  ])('refuses %j', async (body) => {
    const { candidate, id } = await closed();
    expect((await rate(candidate, id, body)).status).toBe(400);
  });

  it('counts for whoever had it at the close, before the sweep and after', async () => {
    const { supervisor, agent, candidate, id } = await closed();
    const figures = async () => {
      const { supervisors } = await desk.ok('GET', '/analytics/supervisors', desk.admin.token);
      const row = supervisors.find((one: { supervisor: { id: string } }) => one.supervisor.id === supervisor.user.id);
      return [row.ratings, row.agents.find((one: { id: string }) => one.id === agent.user.id).ratings];
    };
    expect(await figures()).toEqual([
      { count: 0, mean: null },
      { count: 0, mean: null },
    ]);
    await system.operate('sweep');
    await rate(candidate, id, { score: 3 });
    const after = [
      { count: 1, mean: 3 },
      { count: 1, mean: 3 },
    ];
    expect(await figures()).toEqual(after);
    await system.operate('sweep');
    expect(await figures()).toEqual(after);
    // The agent goes to another team: the rating stays with whose it was.
    const next = await desk.supervisor();
    await desk.ok('PATCH', `/users/${agent.user.id}`, desk.admin.token, { supervisorId: next.user.id });
    expect(await figures()).toEqual(after);
    await system.operate('migrate', { recount: true });
    expect(await figures()).toEqual(after);
  });

  it('of an erased customer keeps its score, without the comment', async () => {
    const { candidate, agent, id } = await closed();
    await rate(candidate, id, { score: 2, comment: 'My name is Kim.' });
    await desk.ok('POST', `/users/${candidate.user.id}/erase`, desk.admin.token);
    await eventually('the comment to be gone', async () => {
      const { rating } = await desk.ok('GET', `/conversations/${id}`, agent.token);
      return rating.score === 2 && rating.comment === null;
    });
  });
});
