import { useEffect, useId, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { Reply } from '../../../client/src/index.ts';
import type { Mode } from '../app/drafts.ts';
import { failureOf } from '../app/errors.ts';
import { Icon } from '../ui/Icon.tsx';

export interface ComposerProps {
  /** What is written is this conversation's: another one has another draft. */
  readonly conversationId: string;
  readonly draft: { readonly text: string; readonly mode: Mode };
  readonly onDraft: (draft: { readonly text: string; readonly mode: Mode }) => void;
  /** Why nothing can be sent; `null` where it can. Notes are the team's in any case. */
  readonly cantReply: string | null;
  readonly customerName: string;
  readonly replies: readonly Reply[];
  /** Why there are none: they are on their way, could not be read, or nobody has made one. */
  readonly noReplies: string;
  readonly fillReply: (content: string) => string;
  readonly onTyping: (isTyping: boolean) => void;
  readonly onSend: (text: string) => void;
  /** Rejects where the note was not taken: then the text stays. */
  readonly onNote: (text: string) => Promise<void>;
  readonly isWaitingForNetwork: boolean;
}

const MOST = 4_000;
const COUNTED_FROM = 3_800;
const SHOWN_REPLIES = 8;

/** Where messages are written. A note has another colour and other words, and is over once it is noted. */
export function Composer(props: ComposerProps) {
  const {
    conversationId,
    draft,
    onDraft,
    cantReply,
    customerName,
    replies,
    noReplies,
    fillReply,
    onTyping,
    onSend,
    onNote,
  } = props;
  const field = useRef<HTMLTextAreaElement>(null);
  const [isNoting, setNoting] = useState(false);
  const [failed, setFailed] = useState<string | null>(null);
  const [chosen, setChosen] = useState(0);
  const [isPicking, setPicking] = useState(true);
  const id = useId();
  const mode: Mode = cantReply === null ? draft.mode : 'note';
  const { text } = draft;
  const latest = useRef(draft);
  latest.current = draft;

  // As high as its text, up to a limit that the stylesheet knows.
  useLayoutEffect(() => {
    const element = field.current;
    if (!element) return;
    element.style.blockSize = 'auto';
    element.style.blockSize = `${element.scrollHeight + 2}px`;
  }, [text, conversationId]);
  useEffect(() => {
    setFailed(null);
    setPicking(true);
  }, [conversationId]);

  const query = mode === 'reply' && /^\/(\S*)$/.exec(text)?.[1]?.toLowerCase();
  const found =
    typeof query === 'string' && isPicking
      ? replies
          .filter(({ shortcut, title }) => shortcut.includes(query) || title.toLowerCase().includes(query))
          .slice(0, SHOWN_REPLIES)
      : [];
  const isOpen = typeof query === 'string' && isPicking;
  const at = Math.min(chosen, Math.max(0, found.length - 1));

  const insert = (reply: Reply) => {
    onDraft({ text: fillReply(reply.content), mode: 'reply' });
    setChosen(0);
    field.current?.focus();
  };

  const send = async () => {
    const content = text.trim();
    if (content === '' || text.length > MOST || isNoting) return;
    if (mode === 'note') {
      setNoting(true);
      setFailed(null);
      // At once: whoever comes back to it meanwhile must not note it again.
      onDraft({ text: '', mode });
      try {
        await onNote(text);
        // Never a second note by a slip. What was written meanwhile was meant for the team too.
        if (latest.current.text === '') onDraft({ text: '', mode: 'reply' });
      } catch (thrown) {
        onDraft({ text: latest.current.text === '' ? text : `${text}\n${latest.current.text}`, mode });
        setFailed(failureOf(thrown).said);
      } finally {
        setNoting(false);
        field.current?.focus();
      }
      return;
    }
    onSend(text);
    onDraft({ text: '', mode: 'reply' });
    field.current?.focus();
  };

  const onKeyDown = (event: KeyboardEvent) => {
    // 229: browsers that end the composition before they tell of the key.
    if (event.isComposing || event.keyCode === 229) return;
    if (isOpen && found.length > 0) {
      const move = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (move !== undefined) {
        event.preventDefault();
        return setChosen((at + move + found.length) % found.length);
      }
      const reply = found[at];
      if ((event.key === 'Enter' || event.key === 'Tab') && reply) {
        event.preventDefault();
        return insert(reply);
      }
    }
    if (event.key === 'Escape') {
      if (isOpen) {
        event.preventDefault();
        event.stopPropagation();
        setPicking(false);
      } else field.current?.blur();
      return;
    }
    if (event.key === 'Enter' && !event.shiftKey) {
      event.preventDefault();
      // While the list of replies is open, Enter sends nothing: the text may be a shortcut. Escape closes the list first.
      if (isOpen) return;
      void send();
    }
  };

  const left = MOST - text.length;
  const setMode = (wanted: Mode) => {
    onDraft({ text, mode: wanted });
    field.current?.focus();
  };
  return (
    <form
      class={mode === 'note' ? 'composer noting' : 'composer'}
      aria-label={mode === 'note' ? 'Write a note' : 'Write a message'}
      onSubmit={(event) => {
        event.preventDefault();
        void send();
      }}
    >
      {isOpen && (
        <div class="reply-picker">
          {found.length === 0 ? (
            <p class="reply-none">
              {replies.length === 0 ? noReplies : 'No canned reply is called so. Escape sends it as it is.'}
            </p>
          ) : (
            <div id={`${id}-replies`} role="listbox" aria-label="Canned replies">
              {found.map((reply, index) => (
                // biome-ignore lint/a11y/useKeyWithClickEvents: the keys are the text field's.
                <div
                  key={reply.id}
                  id={`${id}-reply-${index}`}
                  role="option"
                  tabIndex={-1}
                  aria-selected={index === at}
                  onMouseDown={(event) => event.preventDefault()}
                  onClick={() => insert(reply)}
                >
                  <kbd>/{reply.shortcut}</kbd>
                  <span class="reply-title" dir="auto">
                    {reply.title}
                  </span>
                  <span class="reply-content" dir="auto">
                    {fillReply(reply.content)}
                  </span>
                </div>
              ))}
            </div>
          )}
        </div>
      )}
      <div class="composer-modes">
        <button
          type="button"
          aria-pressed={mode === 'reply'}
          disabled={cantReply !== null}
          onClick={() => setMode('reply')}
        >
          Reply
        </button>
        <button type="button" class="note-mode" aria-pressed={mode === 'note'} onClick={() => setMode('note')}>
          <Icon name="note" /> Note
        </button>
        <span class="composer-said" id={`${id}-said`}>
          {mode === 'note'
            ? `Only your team sees this${cantReply === null ? '' : `. ${cantReply}`}`
            : props.isWaitingForNetwork
              ? 'No connection: it is sent when you are back'
              : ''}
        </span>
      </div>
      <div class="composer-box">
        <textarea
          ref={field}
          rows={1}
          data-composer
          dir="auto"
          value={text}
          aria-autocomplete={isOpen ? 'list' : undefined}
          aria-controls={isOpen && found.length > 0 ? `${id}-replies` : undefined}
          aria-activedescendant={isOpen && found.length > 0 ? `${id}-reply-${at}` : undefined}
          aria-label={mode === 'note' ? 'Note for your team' : `Message to ${customerName}`}
          aria-describedby={`${id}-said`}
          aria-invalid={left < 0 ? 'true' : undefined}
          placeholder={mode === 'note' ? 'A note for your team' : 'Message, or / for replies'}
          onInput={({ currentTarget: { value } }) => {
            onDraft({ text: value, mode });
            setPicking(true);
            setFailed(null);
            if (mode === 'reply') onTyping(value !== '' && !value.startsWith('/'));
          }}
          onKeyDown={onKeyDown}
        />
        <button
          type="submit"
          class="send"
          aria-label={mode === 'note' ? 'Add the note' : 'Send'}
          title={mode === 'note' ? 'Add the note (Enter)' : 'Send (Enter)'}
          disabled={text.trim() === '' || left < 0 || isNoting}
        >
          <Icon name={mode === 'note' ? 'check' : 'send'} />
        </button>
      </div>
      {text.length >= COUNTED_FROM && (
        <p class={left < 0 ? 'composer-count over' : 'composer-count'} role="status">
          {left < 0 ? `${-left} characters too many` : `${left} characters left`}
        </p>
      )}
      {failed && (
        <p class="composer-failed" role="alert">
          Not noted. {failed}
        </p>
      )}
    </form>
  );
}
