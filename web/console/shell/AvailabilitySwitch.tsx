import { useEffect, useRef, useState } from 'preact/hooks';
import type { AvailabilitySnapshot } from '../../../client/src/index.ts';
import { cant } from '../app/cant.ts';
import { availability, client } from '../app/client.ts';
import { failureOf } from '../app/errors.ts';
import { clockTime } from '../app/format.ts';
import { tell } from '../app/notices.ts';

/** Whether one is given conversations, always in sight, and how long that holds. */
export function AvailabilitySwitch() {
  const snapshot = availability.value;
  const { status } = snapshot;
  const before = useRef(status);
  const [isBusy, setBusy] = useState(false);
  useEffect(() => {
    if (before.current === 'available' && status === 'away') tell('You are away now: nothing new comes to you.');
    before.current = status;
  }, [status]);
  const isAvailable = status === 'available';
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
  return <Switch snapshot={snapshot} cant={cant.value} isBusy={isBusy} onChange={() => void change()} />;
}

interface SwitchProps {
  readonly snapshot: AvailabilitySnapshot;
  /** Why it can’t be changed; `null` where it can. */
  readonly cant: string | null;
  readonly isBusy: boolean;
  readonly onChange: () => void;
}

export function Switch({ snapshot, cant, isBusy, onChange }: SwitchProps) {
  const isAvailable = snapshot.status === 'available';
  return (
    <button
      type="button"
      class={isAvailable ? 'availability-switch on' : 'availability-switch'}
      role="switch"
      aria-checked={isAvailable}
      aria-label="Available"
      disabled={cant !== null || isBusy || snapshot.status === null}
      title={cant ?? (isAvailable ? 'Go away: nothing new comes to you' : 'Become available')}
      onClick={onChange}
    >
      <span class="switch-track" aria-hidden="true">
        <span class="switch-thumb" />
      </span>
      <span class="switch-words">
        <strong>{isAvailable ? 'Available' : snapshot.status === null ? '…' : 'Away'}</strong>
        <small>
          <HowLong {...snapshot} isCut={cant !== null} />
        </small>
      </span>
    </button>
  );
}

function HowLong({ status, until, isCut }: AvailabilitySnapshot & { readonly isCut: boolean }) {
  if (status === 'available' && until !== null) {
    return (
      <>
        {/* Where the rail is narrow, the time alone says it. */}
        <span class="switch-why">{isCut ? 'no connection, ' : 'renewed while open, '}</span>to {clockTime(until)}
      </>
    );
  }
  if (isCut) return <>no connection</>;
  return <>{status === null ? 'asking' : 'Nothing new comes'}</>;
}
