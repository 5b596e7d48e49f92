import { computed, signal } from '@preact/signals';

/** The time of the page, which moves once a second: waiting times run by it. */
export const now = signal(Date.now());
/** The same, once a minute: for what is said in minutes. */
export const minute = computed(() => Math.floor(now.value / 60_000) * 60_000);

setInterval(() => {
  now.value = Date.now();
}, 1_000);
