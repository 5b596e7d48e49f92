import { useEffect, useState } from 'preact/hooks';
import type { AvailabilitySnapshot } from '../../../client/src/index.ts';
import { client, connection } from '../app/client.ts';
import { failureOf } from '../app/errors.ts';
import { clockTime } from '../app/format.ts';
import { tell } from '../app/notices.ts';

/** Whether one is given conversations, always in sight, and how long that holds. */
export function AvailabilitySwitch() {
  const [snapshot, setSnapshot] = useState<AvailabilitySnapshot>(client.availability.snapshot);
  const [isBusy, setBusy] = useState(false);
  useEffect(() => {
    setSnapshot(client.availability.snapshot);
    return client.availability.on('change', (next) => {
      setSnapshot((had) => {
        if (had.status === 'available' && next.status === 'away') tell('You are away now: nothing new comes to you.');
        return next;
      });
    });
  }, []);
  const isReady = connection.value.state === 'ready';
  const isAvailable = snapshot.status === 'available';
  const change = async () => {
    setBusy(true);
    try {
      await client.availability.set(isAvailable ? 'away' : 'available');
    } catch (thrown) {
      tell(`Not changed. ${failureOf(thrown).said}`, 'bad');
    } finally {
      setBusy(false);
    }
  };
  return <Switch snapshot={snapshot} isReady={isReady} isBusy={isBusy} onChange={() => void change()} />;
}

interface SwitchProps {
  readonly snapshot: AvailabilitySnapshot;
  readonly isReady: boolean;
  readonly isBusy: boolean;
  readonly onChange: () => void;
}

export function Switch({ snapshot, isReady, isBusy, onChange }: SwitchProps) {
  const isAvailable = snapshot.status === 'available';
  return (
    <button
      type="button"
      class={isAvailable ? 'availability-switch on' : 'availability-switch'}
      role="switch"
      aria-checked={isAvailable}
      aria-label="Available"
      disabled={!isReady || isBusy || snapshot.status === null}
      title={
        isReady ? (isAvailable ? 'Go away: nothing new comes to you' : 'Become available') : 'There is no connection'
      }
      onClick={onChange}
    >
      <span class="switch-track" aria-hidden="true">
        <span class="switch-thumb" />
      </span>
      <span class="switch-words">
        <strong>{isAvailable ? 'Available' : snapshot.status === null ? '…' : 'Away'}</strong>
        <small>{sayHowLong(snapshot, isReady)}</small>
      </span>
    </button>
  );
}

function sayHowLong({ status, until }: AvailabilitySnapshot, isReady: boolean): string {
  if (status === null) return 'asking';
  if (status === 'away' || until === null) return 'Nothing new comes';
  return isReady ? `renewed while open, to ${clockTime(until)}` : `ends at ${clockTime(until)}`;
}
