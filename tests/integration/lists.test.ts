import type { Conversation } from '../../lib/protocol/objects/conversations.ts';
import type { User } from '../../lib/protocol/objects/users.ts';
import { conversationModel } from '../../lib/store/conversations.ts';
import { type InProcess, startDesk } from '../support/inProcess.ts';
import type { Desk, Person } from '../support/system.ts';

let system: InProcess;
let desk: Desk;
beforeAll(async () => {
  ({ system, desk } = await startDesk());
});
afterAll(() => system.stop());

const ids = (items: readonly { id: string }[]): string[] => items.map(({ id }) => id);

async function list<T>(path: string, person: Person): Promise<T[]> {
  const { items } = await desk.ok('GET', path, person.token);
  return items;
}

/** Reads a list to its end, letting something happen between two pages. */
async function readThrough(path: string, person: Person, between: () => Promise<unknown>): Promise<string[]> {
  const found: string[] = [];
  for (let cursor = ''; ; ) {
    const { items, nextCursor } = await desk.ok('GET', `${path}${cursor}`, person.token);
    found.push(...ids(items));
    if (nextCursor === null) return found;
    cursor = `&cursor=${nextCursor}`;
    await between();
  }
}

describe('pages', () => {
  it.each([1, 2, 3, 7, 8])('of %s neither repeat nor skip, while conversations come in', async (limit) => {
    const candidate = await desk.candidate();
    const opened: Conversation[] = [];
    for (let index = 0; index < 7; index += 1) opened.push(await desk.conversation(candidate));
    const read = await readThrough(`/conversations?limit=${limit}`, candidate, () => desk.conversation(candidate));
    expect(read).toEqual(ids(opened).toReversed());
  });

  it('hold when all were opened in the same millisecond', async () => {
    const candidate = await desk.candidate();
    const opened = await Promise.all(Array.from({ length: 5 }, () => desk.conversation(candidate)));
    await conversationModel().updateMany({ candidateId: candidate.user.id }, { createdAt: new Date() });
    const read = await readThrough('/conversations?limit=2', candidate, () => desk.conversation(candidate));
    expect(read).toEqual(ids(opened).toSorted().toReversed());
  });

  it('hold while what is listed changes hands', async () => {
    const [candidate, supervisor] = await Promise.all([desk.candidate(), desk.supervisor()]);
    const agent = await desk.agent(supervisor);
    const opened: Conversation[] = [];
    for (let index = 0; index < 4; index += 1) opened.push(await desk.conversation(candidate));
    const waiting = [...opened];
    const read = await readThrough('/conversations?limit=1', candidate, async () => {
      const next = waiting.pop();
      if (next) await desk.assign(supervisor, next.id, agent);
    });
    expect(read).toEqual(ids(opened).toReversed());
  });

  it('of people hold while others are made', async () => {
    const supervisor = await desk.supervisor();
    const agents: User[] = [];
    for (let index = 0; index < 3; index += 1) agents.push((await desk.agent(supervisor)).user);
    const read = await readThrough('/users?limit=1', supervisor, () => desk.agent(supervisor));
    expect(read).toEqual(ids(agents).toReversed());
  });

  it('have 20 items unless asked otherwise', async () => {
    const candidate = await desk.candidate();
    for (let index = 0; index < 21; index += 1) await desk.conversation(candidate);
    expect(await list('/conversations', candidate)).toHaveLength(20);
    expect(await list('/conversations?limit=100', candidate)).toHaveLength(21);
  });
});

describe('filters', () => {
  it('narrow what one may see, and never widen it', async () => {
    const [candidate, stranger, supervisor, other] = await Promise.all([
      desk.candidate(),
      desk.candidate(),
      desk.supervisor(),
      desk.supervisor(),
    ]);
    const [agent, teammate, elsewhere] = await Promise.all([
      desk.agent(supervisor),
      desk.agent(supervisor),
      desk.agent(other),
    ]);
    const open = await desk.conversation(candidate);
    const mine = await desk.assign(supervisor, (await desk.conversation(candidate)).id, agent);
    const team = await desk.assign(supervisor, (await desk.conversation(stranger)).id, teammate);
    const foreign = await desk.assign(other, (await desk.conversation(stranger)).id, elsewhere);
    const done = await desk.assign(supervisor, (await desk.conversation(candidate)).id, agent);
    await desk.ok('POST', `/conversations/${done.id}/close`, agent.token);
    const by = { c: candidate.user.id, s: supervisor.user.id, a: agent.user.id, f: elsewhere.user.id };
    const rows: readonly (readonly [who: Person, query: string, expected: readonly Conversation[]])[] = [
      [candidate, '', [done, mine, open]],
      [candidate, 'status=open', [open]],
      [candidate, 'status=closed', [done]],
      [candidate, `agentId=${by.a}`, [done, mine]],
      [candidate, `status=assigned&agentId=${by.a}`, [mine]],
      [candidate, `candidateId=${stranger.user.id}`, []],
      [agent, '', [done, mine]],
      [agent, 'status=open', []],
      [agent, `agentId=${teammate.user.id}`, []],
      [supervisor, `supervisorId=${by.s}`, [done, team, mine]],
      [supervisor, `candidateId=${by.c}`, [done, mine, open]],
      [supervisor, `agentId=${by.f}`, []],
      [supervisor, `supervisorId=${other.user.id}`, []],
      [desk.admin, `agentId=${by.f}`, [foreign]],
      [desk.admin, `candidateId=${by.c}&status=closed`, [done]],
      [desk.admin, 'agentId=nobody', []],
    ];
    for (const [who, query, expected] of rows) {
      const found = await list<Conversation>(`/conversations?limit=100&${query}`, who);
      expect({ role: who.user.role, query, found: ids(found) }).toEqual({
        role: who.user.role,
        query,
        found: ids(expected),
      });
    }
  });

  it('of people: by role, supervisor and whether they are active', async () => {
    const [supervisor, other] = await Promise.all([desk.supervisor(), desk.supervisor()]);
    const agent = await desk.agent(supervisor);
    const gone = await desk.agent(supervisor);
    const elsewhere = await desk.agent(other);
    await desk.ok('PATCH', `/users/${gone.user.id}`, desk.admin.token, { active: false });
    const of = (person: Person) => `supervisorId=${person.user.id}`;
    const rows: readonly (readonly [who: Person, query: string, expected: readonly Person[]])[] = [
      [desk.admin, of(supervisor), [gone, agent]],
      [desk.admin, `${of(supervisor)}&active=true`, [agent]],
      [desk.admin, `${of(supervisor)}&active=false`, [gone]],
      [desk.admin, `${of(supervisor)}&role=supervisor`, []],
      [desk.admin, 'role=admin', [desk.admin]],
      [supervisor, '', [gone, agent]],
      [supervisor, 'active=true', [agent]],
      [supervisor, 'role=admin', []],
      [supervisor, of(other), []],
      [other, '', [elsewhere]],
    ];
    for (const [who, query, expected] of rows) {
      const found = await list<User>(`/users?limit=100&${query}`, who);
      expect({ query, found: ids(found) }).toEqual({ query, found: expected.map(({ user }) => user.id) });
    }
  });
});
