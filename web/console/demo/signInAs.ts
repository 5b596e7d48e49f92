import { DEMO_PASSWORD } from '../../../local/demoPeople.ts';
import { client } from '../app/client.ts';

/** Signs in the demo person whom the address names: `?as=agent1`. */
export async function signInAs(person: string): Promise<void> {
  await client.signIn({ email: `${person}@example.com`, password: DEMO_PASSWORD });
}
