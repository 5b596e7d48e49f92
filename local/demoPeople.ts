import type { Routing } from '../lib/domain/desk.ts';
import type { Role } from '../lib/domain/roles.ts';

export const DEMO_PASSWORD = 'demo-Passw0rd';

export interface DemoPerson {
  readonly name: string;
  readonly email: string;
  readonly role: Role;
  /** The supervisor's e-mail; they come earlier in the list. */
  readonly under?: string;
  /** A supervisor's: how their team gets its conversations. */
  readonly routing?: Routing;
}

/** The people in a new local database, as the README and the contract promise. */
export const demoPeople: readonly DemoPerson[] = [
  { name: 'Admin', email: 'admin@example.com', role: 'admin' },
  { name: 'Supervisor One', email: 'supervisor1@example.com', role: 'supervisor' },
  {
    name: 'Supervisor Two',
    email: 'supervisor2@example.com',
    role: 'supervisor',
    // So that it can be seen: who of this team is available is given what waits.
    routing: { mode: 'automatic', requeueAfterSeconds: 300, answerWithinSeconds: null },
  },
  { name: 'Agent One', email: 'agent1@example.com', role: 'agent', under: 'supervisor1@example.com' },
  { name: 'Agent Two', email: 'agent2@example.com', role: 'agent', under: 'supervisor1@example.com' },
  { name: 'Agent Three', email: 'agent3@example.com', role: 'agent', under: 'supervisor2@example.com' },
  { name: 'Candidate One', email: 'candidate1@example.com', role: 'candidate' },
  { name: 'Candidate Two', email: 'candidate2@example.com', role: 'candidate' },
];
