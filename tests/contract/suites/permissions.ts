import { type Operation, PERMISSIONS } from '../../../lib/domain/permissions.ts';
import type { Route } from '../../../lib/protocol/route.ts';
import { routes } from '../../../lib/protocol/routes.ts';
import { type Person, UpgradeRefused } from '../../support/system.ts';
import {
  CALLERS,
  type CallerKind,
  type Outcome,
  objectsOf,
  type PermissionRow,
  permissionRows,
} from './permissionTable.ts';
import { PermissionTrial } from './permissionTrial.ts';
import { Records, type Start, type Started } from './start.ts';

const OPERATIONS = Object.keys(PERMISSIONS) as Operation[];

interface Cells {
  readonly wanted?: (row: PermissionRow) => boolean;
  readonly callersOf?: (row: PermissionRow) => readonly CallerKind[];
  /** Whether every route is tried with the token of somebody who was deactivated. */
  readonly inactive?: boolean;
}

/** Of those who may, the first; where nobody may, the admin. */
export const oneWhoMay = ({ expected }: PermissionRow): CallerKind[] => [
  CALLERS.find((caller) => /^(2|ok|silent)/.test(expected[caller])) ?? 'admin',
];

/** Every cell of the permission table, or those that are wanted. */
export function permissionSuite(
  start: Start,
  { wanted = () => true, callersOf = () => CALLERS, inactive = true }: Cells = {},
): void {
  describe('who may do what', () => {
    let started: Started;
    let trial: PermissionTrial;
    let records: Records;
    beforeAll(async () => {
      started = await start();
      trial = await PermissionTrial.open(started.desk);
      records = new Records(started.system.databaseUri);
    });
    afterAll(async () => {
      trial.close();
      await records.close();
    });

    /** A line for each: as a text it is compared in no time. */
    const stored = async (id: string) => {
      const found = await Promise.all([
        records.all('conversations', { _id: id }),
        records.all('active_messages', { conversationId: id }),
        records.all('users'),
      ]);
      return found
        .flat()
        .map((record) => JSON.stringify(record))
        .join('\n');
    };

    it.each(permissionRows().filter(wanted))('$operation, $object', async (row) => {
      const { operation, object, expected } = row;
      const callers = callersOf(row);
      const outcomes: Partial<Record<string, Outcome>> = {};
      for (const caller of callers) {
        const target = await trial.target(operation as Operation, object, caller);
        // The last step belongs to the preparation, and in a room it is taken between joining and trying.
        let before = '';
        const lastStep = async () => {
          await target.lastStep();
          await started.system.gateway?.idle();
          before = await stored(target.conversationId);
        };
        if (operation in routes) await lastStep();
        outcomes[caller] = await trial.attempt(operation as Operation, object, caller, { ...target, lastStep });
        if (expected[caller].includes(' ')) expect(await stored(target.conversationId)).toBe(before);
      }
      expect(outcomes).toEqual(Object.fromEntries(callers.map((caller) => [caller, expected[caller]])));
    });

    if (!inactive) return;
    it('takes the token of no inactive user, whatever the role', async () => {
      const { desk, system } = started;
      const supervisor = await desk.supervisor();
      const agent = await desk.agent(supervisor);
      const gone = [await desk.anotherAdmin(), agent, supervisor, await desk.candidate()];
      for (const { user } of gone) await desk.ok('PATCH', `/users/${user.id}`, desk.admin.token, { active: false });
      const closed = (Object.values(routes) as Route[]).filter((route) => PERMISSIONS[route.operation] !== 'anyone');
      const answers = async ({ token }: Person) =>
        Promise.all([
          ...closed.map(async ({ method, path, body: takesBody }) => {
            const { status, body } = await desk.call(method, path.replace(/\{\w+\}/, 'any'), token, takesBody && {});
            return `${status} ${body.code}`;
          }),
          system.connect({ token }).then(
            () => 'admitted',
            (error: unknown) => (error instanceof UpgradeRefused ? error.status : error),
          ),
        ]);
      for (const person of gone) {
        expect(new Set(await answers(person))).toEqual(new Set(['401 INVALID_TOKEN', 401]));
      }
    });
  });
}

/** The table itself: nothing missing, nothing twice, and the role decided before the object is looked at. */
export function permissionTableSuite(): void {
  describe('the permission table', () => {
    const rows = permissionRows();

    it('has one line for every operation and every object it can be tried on', () => {
      const due = OPERATIONS.flatMap((operation) => objectsOf(operation).map((object) => `${operation} ${object}`));
      expect(rows.map(({ operation, object }) => `${operation} ${object}`).toSorted()).toEqual(due.toSorted());
    });

    it.each(OPERATIONS)('%s: a role that may never is told so whatever the object', (operation) => {
      for (const caller of CALLERS) {
        const forbidden = new Set(
          rows.filter((row) => row.operation === operation).map((row) => row.expected[caller] === '403 FORBIDDEN'),
        );
        expect(forbidden.size).toBe(1);
      }
    });
  });
}
