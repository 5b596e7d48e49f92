import { effect, signal } from '@preact/signals';
import icon from '../../shared/icon.svg';
import { preferences } from './preferences.ts';

/** How the page asks for attention: its title and mark, and, where somebody has switched them on, a sound and a notification. */

export const unreadTotal = signal(0);
export const title = signal('Live Support');

const MARKED = `data:image/svg+xml,${encodeURIComponent(
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="8" fill="#3350d8"/><path d="M9 11h14v9H15l-4 4v-4H9z" fill="#fff"/><circle cx="24" cy="8" r="7" fill="#e5484d" stroke="#fff" stroke-width="2"/></svg>',
)}`;

effect(() => {
  const unread = unreadTotal.value;
  document.title = unread > 0 ? `(${unread}) ${title.value}` : title.value;
  const link = document.querySelector<HTMLLinkElement>('link[rel="icon"]');
  if (link) link.href = unread > 0 ? MARKED : icon;
});

/** Whether somebody looks at this page. */
const isLookedAt = (): boolean => document.visibilityState === 'visible' && document.hasFocus();

let audio: AudioContext | undefined;

function ring(): void {
  audio ??= new AudioContext();
  const at = audio.currentTime;
  for (const [delay, frequency] of [
    [0, 660],
    [0.12, 880],
  ] as const) {
    const tone = audio.createOscillator();
    const volume = audio.createGain();
    tone.frequency.value = frequency;
    volume.gain.setValueAtTime(0, at + delay);
    volume.gain.linearRampToValueAtTime(0.08, at + delay + 0.02);
    volume.gain.exponentialRampToValueAtTime(0.0001, at + delay + 0.2);
    tone.connect(volume).connect(audio.destination);
    tone.start(at + delay);
    tone.stop(at + delay + 0.22);
  }
}

interface Call {
  readonly title: string;
  /** No text of a message: a notification is read by whoever passes by. */
  readonly body: string;
  /** One notification for each of these; a later one takes the place of the one before. */
  readonly tag: string;
  readonly open: () => void;
  /** Whether this is open before the person now. */
  readonly isOpen: boolean;
}

/** Calls somebody who has asked for it, never for what they are looking at. */
export function callAttention({ title: heading, body, tag, open, isOpen }: Call): void {
  if (isOpen && isLookedAt()) return;
  const { sound, notifications } = preferences.peek();
  if (sound) ring();
  if (!notifications || isLookedAt() || typeof Notification === 'undefined' || Notification.permission !== 'granted')
    return;
  const shown = new Notification(heading, { body, tag });
  shown.onclick = () => {
    focus();
    open();
    shown.close();
  };
}

/** Asks the browser for leave to show notifications: on a click only. */
export async function askToNotify(): Promise<boolean> {
  if (typeof Notification === 'undefined') return false;
  return (await Notification.requestPermission()) === 'granted';
}

/** What a sound needs, and how it sounds: on a click only. */
export const tryRing = (): void => ring();
