import { isCutOff } from '../app/cant.ts';
import { client, connection, lostSince, waitingToBeSent } from '../app/client.ts';
import { now } from '../app/clock.ts';
import { count, exactTime } from '../app/format.ts';

interface ConnectionWordsProps {
  readonly isOffline: boolean;
  readonly since: number;
  readonly waiting: number;
  readonly retry: string;
}

export const ConnectionWords = ({ isOffline, since, waiting, retry }: ConnectionWordsProps) => (
  <div class="connection-line">
    <span>
      <strong>{isOffline ? 'You are offline' : 'No connection'}</strong> since {exactTime(since)}.
      {waiting > 0 && (
        <>
          {' '}
          {count(waiting, 'message waits', 'messages wait')}
          <span class="connection-more"> to be sent</span>.
        </>
      )}
    </span>
    {/* It counts: read out once, not each second. */}
    <span class="connection-retry" aria-hidden="true">
      {retry}
    </span>
  </div>
);

export const TooManyWords = ({ onConnect }: { readonly onConnect: () => void }) => (
  <div class="connection-line">
    <span>You are connected in too many other windows, so this one shows nothing new.</span>
    <button type="button" class="text-button" onClick={onConnect}>
      Connect here instead
    </button>
  </div>
);

/** The region is always there, and only its words change: else nobody is told of them. */
export const ConnectionLine = () => (
  <div class="connection" role="status">
    <Words />
  </div>
);

function Words() {
  const { state, reason, retryAt } = connection.value;
  const since = lostSince.value;
  if (state === 'closed' && reason === 'tooManyConnections') {
    return <TooManyWords onConnect={() => client.connection.connect()} />;
  }
  if (since === null || !isCutOff.value) return null;
  const seconds = retryAt === null ? null : Math.max(0, Math.ceil((retryAt - now.value) / 1000));
  const isOffline = reason === 'offline';
  const next = seconds !== null && !isOffline ? `Next attempt in ${seconds} s` : '';
  return (
    <ConnectionWords
      isOffline={isOffline}
      since={since}
      waiting={waitingToBeSent.value}
      retry={state === 'connecting' ? 'Connecting …' : next}
    />
  );
}
