import { type Signal, signal } from '@preact/signals';
import {
  type AvailabilitySnapshot,
  type ConnectionStatus,
  createClient,
  type LiveSupportClient,
  type User,
} from '../../../client/src/index.ts';
import { site } from '../../shared/site.ts';
import { personOfPage } from './router.ts';

const as = personOfPage();
export const PREFIX = `live-support:console:${as === null ? '' : `${as}:`}`;

export const client: LiveSupportClient = createClient({
  httpUrl: location.origin,
  websocketUrl: site.webSocket,
  storagePrefix: PREFIX,
});

/** The session: `undefined` until it is known whether there is one. */
export const user: Signal<User | null | undefined> = signal(undefined);
/** Whether the session has ended without anybody here having asked for it. */
export const hasEnded = signal(false);
export const connection: Signal<ConnectionStatus> = signal(client.connection.status);
/** Since when there is no connection; `null` while there is one. */
export const lostSince: Signal<number | null> = signal(null);
/** How many messages wait for the connection, over all conversations. */
export const waitingToBeSent = signal(0);
/** Whether the agent here is given conversations. */
export const availability: Signal<AvailabilitySnapshot> = signal(client.availability.snapshot);
client.availability.on('change', (snapshot) => {
  availability.value = snapshot;
});

client.connection.on('status', (status) => {
  connection.value = status;
  if (status.state === 'ready' || status.reason === 'signedOut') lostSince.value = null;
  else lostSince.value ??= Date.now();
});
