import { computed } from '@preact/signals';
import { connection, lostSince } from './client.ts';
import { now } from './clock.ts';

/** A connection that is back so soon is not worth a word. */
const PATIENCE_MS = 1_000;

/** Whether there has been no connection for a while, though there is to be one. */
export const isCutOff = computed(() => {
  const isWanted = !['ready', 'idle'].includes(connection.value.state);
  return isWanted && lostSince.value !== null && now.value - lostSince.value > PATIENCE_MS;
});

/** Why nothing can be changed at the service now; `null` where it can. */
export const cant = computed(() => (isCutOff.value ? 'There is no connection. Try again when you are back.' : null));

/** The same, where there is room for two words. */
export const cantBriefly = computed(() => (cant.value === null ? '' : 'no connection'));
