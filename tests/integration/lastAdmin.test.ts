import { type InProcess, startDesk } from '../support/inProcess.ts';
import type { Desk } from '../support/system.ts';

let system: InProcess;
let desk: Desk;
beforeAll(async () => {
  ({ system, desk } = await startDesk());
});
afterAll(() => system.stop());

const ROUNDS = 5;

it('there is always an active admin, though two deactivate each other at the same time', async () => {
  let [one, two] = [desk.admin, await desk.anotherAdmin()];
  for (let round = 0; round < ROUNDS; round += 1) {
    const [byOne, byTwo] = await Promise.all([
      desk.call('PATCH', `/users/${two.user.id}`, one.token, { active: false }),
      desk.call('PATCH', `/users/${one.user.id}`, two.token, { active: false }),
    ]);
    // The loser was the last admin when their turn came, or no admin any more when they asked.
    const outcomes = [byOne, byTwo].map(({ status, body }) => (status === 200 ? 'done' : body.code));
    expect(outcomes.filter((outcome) => outcome === 'done')).toHaveLength(1);
    expect(['LAST_ADMIN', 'INVALID_TOKEN']).toContain(outcomes.find((outcome) => outcome !== 'done'));
    const [left, gone] = byOne.status === 200 ? [one, two] : [two, one];
    const admins = await desk.ok('GET', '/users?role=admin&active=true', left.token);
    expect(admins.items.map(({ id }: { id: string }) => id)).toEqual([left.user.id]);
    await desk.ok('PATCH', `/users/${gone.user.id}`, left.token, { active: true });
    [one, two] = [left, await desk.login(gone.email)];
  }
});
