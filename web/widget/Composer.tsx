import { useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { type Chat, isSendable, MOST_CHARACTERS } from './chat.ts';
import type { Words } from './languages/en.ts';
import { fill } from './words.ts';

interface Props {
  readonly chat: Chat;
  readonly words: Words;
  readonly isTyping: boolean;
}

/** From here on the characters are counted. */
const COUNTED_FROM = 3_800;
/** How many are left when it is read out: with every key nobody could go on writing. */
const SAID_AT = [0, 10, 50, 100, 200];

/** What is written is kept in the tab until it is sent. */
export function Composer({ chat, words, isTyping }: Props) {
  const [text, setText] = useState(() => chat.begun('draft') ?? '');
  const field = useRef<HTMLTextAreaElement>(null);
  const left = MOST_CHARACTERS - text.length;
  const canSend = isSendable(text);
  const count =
    text.length < COUNTED_FROM
      ? ''
      : fill(left < 0 ? words.charactersOver : words.charactersLeft, { count: Math.abs(left) });
  const step = left < 0 ? -1 : SAID_AT.find((most) => left <= most);
  const said = useMemo(() => count, [step, words.charactersLeft]);

  // As high as what is written, up to what the stylesheet allows.
  useLayoutEffect(() => {
    const element = field.current;
    if (!element) return;
    element.style.blockSize = 'auto';
    element.style.blockSize = `${element.scrollHeight + 2}px`;
  }, [text]);

  const write = (now: string) => {
    setText(now);
    chat.keep('draft', now);
    if (isTyping) chat.typing(now !== '');
  };
  const send = () => {
    field.current?.focus();
    if (!isSendable(text)) return;
    setText('');
    chat.keep('draft', null);
    chat.send(text.trim());
  };
  return (
    <form
      class="composer"
      part="composer"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <textarea
        ref={field}
        part="input"
        rows={1}
        // Empty, it shows words of ours.
        dir={text === '' ? undefined : 'auto'}
        aria-label={words.message}
        aria-describedby="count"
        aria-invalid={left < 0}
        placeholder={words.placeholder}
        value={text}
        onInput={({ currentTarget }) => write(currentTarget.value)}
        onKeyDown={(event) => {
          // Old browsers tell of an input method by this code only.
          if (event.key !== 'Enter' || event.shiftKey || event.isComposing || event.keyCode === 229) return;
          event.preventDefault();
          send();
        }}
      />
      <button type="submit" class="send" part="send" aria-label={words.send} title={words.send} disabled={!canSend}>
        <svg viewBox="0 0 24 24" aria-hidden="true">
          <path d="M12 19V5M6 11l6-6 6 6" />
        </svg>
      </button>
      <p id="count" class={left < 0 ? 'count over' : 'count'}>
        {count}
      </p>
      <p class="visually-hidden" role="status">
        {said}
      </p>
    </form>
  );
}
