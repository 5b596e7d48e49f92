import type { Chat, ChatState } from './chat.ts';
import type { Words } from './languages/en.ts';

/** What every part of the panel is given. */
export interface Shown {
  readonly state: ChatState;
  readonly chat: Chat;
  readonly words: Words;
  readonly language: string;
}
