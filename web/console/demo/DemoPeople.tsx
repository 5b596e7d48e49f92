import { useState } from 'preact/hooks';
import { DEMO_PASSWORD, demoPeople } from '../../../local/demoPeople.ts';
import { client } from '../app/client.ts';
import { failureOf } from '../app/errors.ts';
import { addressOf } from '../app/router.ts';
import { Refusal } from '../ui/forms.tsx';
import { Avatar } from '../ui/parts.tsx';

/** On a laptop: the demo people, each a click away. This file is not loaded elsewhere. */
export default function DemoPeople() {
  const [said, setSaid] = useState<string | null>(null);
  const staff = demoPeople.filter(({ role }) => role !== 'candidate');
  return (
    <section class="demo-people" aria-label="Demo people">
      <h2>On this laptop: sign in as</h2>
      <ul>
        {staff.map(({ name, email, role, under }) => (
          <li key={email}>
            <button
              type="button"
              onClick={() => {
                setSaid(null);
                client
                  .signIn({ email, password: DEMO_PASSWORD })
                  .catch((thrown: unknown) => setSaid(failureOf(thrown).said));
              }}
            >
              <Avatar name={name} />
              <span>
                <strong>{name}</strong>
                <small>
                  {role}
                  {under && ` under ${staff.find((one) => one.email === under)?.name}`}
                </small>
              </span>
            </button>
          </li>
        ))}
      </ul>
      {said && <Refusal>{said}</Refusal>}
      <p class="demo-more">
        <a href={addressOf('beside')}>Two people side by side</a> · <a href={addressOf('states')}>Every state</a>
      </p>
    </section>
  );
}
