import { useState } from 'preact/hooks';
import { demoPeople } from '../../../local/demoPeople.ts';

/** The demo people of the staff, and the shop with its customer, two at once: on a laptop only. */

const staff = demoPeople.filter(({ role }) => role !== 'candidate');
const SHOP = 'shop';

/** `agent1` of `agent1@example.com`: each has a session of their own in this browser. */
const shortName = (email: string): string => email.split('@')[0] ?? email;
const addressFor = (who: string): string => (who === SHOP ? '/demo' : `/console?as=${who}`);

export default function Beside() {
  const [left, setLeft] = useState('supervisor1');
  const [right, setRight] = useState('agent1');
  return (
    <main class="beside">
      <h1 class="visually-hidden">Two people side by side</h1>
      <Half name="First" who={left} onWho={setLeft} />
      <Half name="Second" who={right} onWho={setRight} />
    </main>
  );
}

interface HalfProps {
  readonly name: string;
  readonly who: string;
  readonly onWho: (who: string) => void;
}

const Half = ({ name, who, onWho }: HalfProps) => (
  <section class="beside-half" aria-label={name}>
    <label class="beside-bar">
      {name} person
      <select value={who} onChange={({ currentTarget }) => onWho(currentTarget.value)}>
        {staff.map(({ name: called, email, role }) => (
          <option key={email} value={shortName(email)}>
            {called} ({role})
          </option>
        ))}
        <option value={SHOP}>A customer in the shop</option>
      </select>
    </label>
    <iframe key={who} title={`${name} person`} src={addressFor(who)} />
  </section>
);
