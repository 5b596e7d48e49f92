import type { RefObject } from 'preact';
import { memo } from 'preact/compat';
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { Message, Note, OutgoingMessage } from '../../../client/src/index.ts';
import { linkify } from '../../shared/links.ts';
import { pieces, useSight } from '../../shared/pieces.ts';
import { minute } from '../app/clock.ts';
import { failureOf } from '../app/errors.ts';
import { clockTime, count, dayLine, fullTime } from '../app/format.ts';
import { beginsDay, isContinued, notesAfter } from '../app/grouping.ts';
import { Icon } from '../ui/Icon.tsx';
import { Avatar, Empty, Skeleton } from '../ui/parts.tsx';

interface HistoryProps {
  readonly id: string;
  readonly messages: readonly Message[];
  readonly notes: readonly Note[];
  readonly outbox: readonly OutgoingMessage[];
  readonly hasEarlier: boolean;
  readonly customerName: string;
  /** Up to where the customer has read; `null` where nobody tells. */
  readonly readSeq: number | null;
  /** The line "new" stands before the customer’s first message after this one. */
  readonly newAfter: number | null;
  readonly isTyping: boolean;
  /** Nothing is there yet. */
  readonly isLoading: boolean;
  readonly onEarlier: () => Promise<void>;
  /** The last message is on the screen. */
  readonly onSeen: () => void;
  readonly onRetry: (clientMessageId: string) => void;
  readonly onDiscard: (clientMessageId: string) => void;
}

/** Nearer to the end than this counts as at the end. */
const NEAR = 48;

/** What was said: grows at its end, loads at its beginning, and never jumps. */
export function History(props: HistoryProps) {
  const { id, messages, notes, outbox, hasEarlier, onEarlier, onSeen, newAfter, isTyping, customerName } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const [isAtEnd, setAtEnd] = useState(true);
  const [isLoading, setLoading] = useState(false);
  const atEnd = useRef(true);
  const before = useRef({ id: '', firstSeq: 0, height: 0, top: 0 });
  const firstSeq = messages[0]?.seq ?? 0;
  const lastSeq = messages.at(-1)?.seq ?? 0;
  const seenSeq = useRef(0);
  const ownPending = outbox.length;
  const pendingBefore = useRef(0);

  // Before the browser draws: what came in above pushes nothing down, and the end stays in sight where it was.
  useLayoutEffect(() => {
    const element = scroller.current;
    if (!element) return;
    const had = before.current;
    const isOther = had.id !== id;
    const sentNow = ownPending > pendingBefore.current;
    pendingBefore.current = ownPending;
    if (isOther) {
      atEnd.current = true;
      seenSeq.current = newAfter ?? lastSeq;
      const line = element.querySelector('.new-line');
      // A third of the way down, so that a little of what was read before is in sight.
      element.scrollTop = line
        ? element.scrollTop +
          line.getBoundingClientRect().top -
          element.getBoundingClientRect().top -
          element.clientHeight / 3
        : element.scrollHeight;
    } else if (firstSeq < had.firstSeq) element.scrollTop = had.top + element.scrollHeight - had.height;
    else if (atEnd.current || sentNow) element.scrollTop = element.scrollHeight;
    before.current = {
      id: messages.length > 0 ? id : '',
      firstSeq,
      height: element.scrollHeight,
      top: element.scrollTop,
    };
  });

  // Pictures there are none, but the window and the composer change their size.
  useEffect(() => {
    const element = scroller.current;
    if (!element) return;
    const observer = new ResizeObserver(() => {
      if (atEnd.current) element.scrollTop = element.scrollHeight;
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, []);

  const look = () => {
    const element = scroller.current;
    if (!element) return;
    const near = element.scrollHeight - element.scrollTop - element.clientHeight < NEAR;
    atEnd.current = near;
    setAtEnd(near);
    before.current = { ...before.current, height: element.scrollHeight, top: element.scrollTop };
    if (near) {
      seenSeq.current = lastSeq;
      onSeen();
    }
    if (element.scrollTop < 400 && hasEarlier && !isLoading) {
      setLoading(true);
      void onEarlier().finally(() => setLoading(false));
    }
  };
  useEffect(() => {
    look();
  }, [id, lastSeq, firstSeq]);
  useEffect(() => {
    // Somebody comes back to the page.
    addEventListener('focus', look);
    return () => removeEventListener('focus', look);
  });

  const cut = useMemo(() => pieces(messages), [messages]);
  const noted = useMemo(() => notesAfter(notes, messages, hasEarlier), [notes, messages, hasEarlier]);
  const lastOwnRead = props.readSeq === null ? null : lastOwn(messages, props.readSeq);
  // What is on its way says how it is itself.
  const isSending = outbox.some(({ state }) => state !== 'failed');
  const lastOwnSent = props.readSeq === null || isSending ? null : lastOwn(messages, lastSeq);
  const newSeq = useMemo(
    () =>
      newAfter === null
        ? null
        : (messages.find((message) => message.seq > newAfter && isCustomers(message))?.seq ?? null),
    [messages, newAfter],
  );
  const unseen = isAtEnd
    ? 0
    : messages.filter((message) => message.seq > seenSeq.current && isCustomers(message)).length;
  const today = minute.value;

  return (
    <div class="history">
      <div
        ref={scroller}
        class="history-scroll"
        role="log"
        aria-label="Messages"
        aria-live="off"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, and whoever has no mouse scrolls it too.
        tabIndex={0}
        onScroll={look}
      >
        <div class="history-content">
          {hasEarlier && messages.length > 0 && (
            <p class="history-edge">
              <button
                type="button"
                class="text-button"
                disabled={isLoading}
                onClick={() => {
                  setLoading(true);
                  void onEarlier().finally(() => setLoading(false));
                }}
              >
                {isLoading ? 'Loading earlier messages …' : 'Load earlier messages'}
              </button>
            </p>
          )}
          {props.isLoading && messages.length === 0 && <Skeleton rows={5} kind="bubble" />}
          {!props.isLoading && !hasEarlier && messages.length === 0 && outbox.length === 0 && (
            <Empty icon="inbox" title="Nothing has been said yet">
              The first message opens the conversation.
            </Empty>
          )}
          <Notes notes={noted.get(0)} />
          {cut.map((piece, at) => (
            <Piece
              key={piece.number}
              messages={piece.messages}
              before={cut[at - 1]?.messages.at(-1)}
              notes={noted}
              today={today}
              readMark={within(piece.messages, lastOwnRead)}
              sentMark={within(piece.messages, lastOwnSent)}
              newSeq={within(piece.messages, newSeq)}
              isLast={at === cut.length - 1}
              scroller={scroller}
            />
          ))}
          {outbox.map((message) => (
            <Pending
              key={message.clientMessageId}
              message={message}
              onRetry={props.onRetry}
              onDiscard={props.onDiscard}
            />
          ))}
          <p class={isTyping ? 'typing on' : 'typing'} aria-hidden={!isTyping}>
            <span class="typing-dots" aria-hidden="true">
              <i />
              <i />
              <i />
            </span>
            {isTyping && (
              <span>
                <bdi>{customerName}</bdi> is typing
              </span>
            )}
          </p>
        </div>
      </div>
      {unseen > 0 && (
        <button
          type="button"
          class="to-end"
          onClick={() => {
            const element = scroller.current;
            if (!element) return;
            element.scrollTop = element.scrollHeight;
            // This button goes, and would take the focus along.
            element.focus({ preventScroll: true });
          }}
        >
          <Icon name="down" /> {count(unseen, 'new message')}
        </button>
      )}
    </div>
  );
}

/**
 * Messages of the staff stand at the end side, whoever reads. By role, not by id: a visitor's have another id once the visitor is
 * known to be a customer.
 */
const isCustomers = ({ senderRole }: Message): boolean => senderRole === 'candidate';

/** The last message of the staff up to this one: it alone carries the mark. */
function lastOwn(messages: readonly Message[], upTo: number): number | null {
  for (let at = messages.length - 1; at >= 0; at -= 1) {
    const message = messages[at];
    if (message && !isCustomers(message) && message.seq <= upTo) return message.seq;
  }
  return null;
}

/** The message, where it is one of these: the others need not be drawn again for it. */
const within = (messages: readonly Message[], seq: number | null): number | null =>
  seq !== null && seq >= (messages[0]?.seq ?? 0) && seq <= (messages.at(-1)?.seq ?? 0) ? seq : null;

interface PieceProps {
  readonly messages: readonly Message[];
  readonly before: Message | undefined;
  readonly notes: ReadonlyMap<number, readonly Note[]>;
  readonly today: number;
  readonly readMark: number | null;
  readonly sentMark: number | null;
  readonly newSeq: number | null;
  readonly isLast: boolean;
  readonly scroller: RefObject<HTMLElement | null>;
}

const isSamePiece = (a: PieceProps, b: PieceProps): boolean =>
  a.messages.length === b.messages.length &&
  a.messages[0] === b.messages[0] &&
  a.before === b.before &&
  a.notes === b.notes &&
  a.readMark === b.readMark &&
  a.sentMark === b.sentMark &&
  a.newSeq === b.newSeq &&
  a.isLast === b.isLast &&
  Math.floor(a.today / 3_600_000) === Math.floor(b.today / 3_600_000);

const Piece = memo(function Piece(props: PieceProps) {
  const { messages, before, notes, today, readMark, sentMark, newSeq, isLast, scroller } = props;
  const { element, hiddenHeight } = useSight(scroller, isLast, messages.length);
  if (hiddenHeight !== null) {
    return <div ref={element} class="piece" style={{ blockSize: `${hiddenHeight}px` }} />;
  }
  return (
    <div ref={element} class="piece">
      {messages.map((message, at) => {
        const previous = messages[at - 1] ?? before;
        const day = beginsDay(previous, message);
        const isNew = message.seq === newSeq;
        const goesOn = !day && !isNew && isContinued(previous, message) && !notes.has(previous?.seq ?? -1);
        return (
          <div key={message.seq}>
            {day && (
              <p class="day-line">
                <span>{dayLine(message.sentAt, today)}</span>
              </p>
            )}
            {isNew && (
              <p class="new-line">
                <span>New</span>
              </p>
            )}
            <Bubble
              message={message}
              goesOn={goesOn}
              isTheirs={isCustomers(message)}
              state={message.seq === readMark ? 'read' : message.seq === sentMark ? 'sent' : null}
            />
            <Notes notes={notes.get(message.seq)} />
          </div>
        );
      })}
    </div>
  );
}, isSamePiece);

const Text = ({ text }: { readonly text: string }) => (
  <>
    {linkify(text).map(({ text: piece, href }, at) =>
      href === null ? (
        piece
      ) : (
        <a key={at} href={href} target="_blank" rel="noopener noreferrer">
          {piece}
        </a>
      ),
    )}
  </>
);

interface BubbleProps {
  readonly message: Message;
  readonly goesOn: boolean;
  readonly isTheirs: boolean;
  readonly state: keyof typeof STATES | null;
}

function Bubble({ message, goesOn, isTheirs, state }: BubbleProps) {
  const { senderName, sentAt, content } = message;
  return (
    <div class={`message ${isTheirs ? 'theirs' : 'ours'}${goesOn ? ' goes-on' : ''}`}>
      {!goesOn && (
        <p class="message-head">
          <strong dir="auto">{senderName}</strong>{' '}
          <time dateTime={sentAt} title={fullTime(sentAt)}>
            {clockTime(sentAt)}
          </time>
        </p>
      )}
      <div class="bubble" title={fullTime(sentAt)}>
        {goesOn && <span class="visually-hidden">{senderName}: </span>}
        <div dir="auto">
          <Text text={content} />
        </div>
      </div>
      {state && <MessageState state={state} />}
    </div>
  );
}

const STATES = { sending: ['clock', 'Sending …'], sent: ['check', 'Sent'], read: ['checks', 'Read'] } as const;

const MessageState = ({ state }: { readonly state: keyof typeof STATES }) => (
  <p class="message-state">
    <Icon name={STATES[state][0]} /> {STATES[state][1]}
  </p>
);

const Notes = ({ notes }: { readonly notes: readonly Note[] | undefined }) => (
  <>
    {notes?.map((note) => (
      <div key={note.id} class="note">
        <p class="note-head">
          <Icon name="note" />
          <strong dir="auto">{note.authorName}</strong>
          <time dateTime={note.createdAt} title={fullTime(note.createdAt)}>
            {clockTime(note.createdAt)}
          </time>
          <span>Only your team sees this</span>
        </p>
        <div class="note-text" dir="auto">
          <Text text={note.content} />
        </div>
      </div>
    ))}
  </>
);

interface PendingProps {
  readonly message: OutgoingMessage;
  readonly onRetry: (clientMessageId: string) => void;
  readonly onDiscard: (clientMessageId: string) => void;
}

function Pending({ message, onRetry, onDiscard }: PendingProps) {
  const { state, content, error, clientMessageId } = message;
  return (
    <div class={`message ours pending ${state}`}>
      <div class="bubble" dir="auto">
        <Text text={content} />
      </div>
      {state === 'failed' ? (
        <p class="message-state failed" role="alert">
          <Icon name="warning" />
          <span>Not sent. {error && failureOf(error).said}</span>
          <button type="button" class="text-button" onClick={() => onRetry(clientMessageId)}>
            Try again
          </button>
          <button type="button" class="text-button" onClick={() => onDiscard(clientMessageId)}>
            Delete
          </button>
        </p>
      ) : (
        <MessageState state={state === 'accepted' ? 'sent' : 'sending'} />
      )}
    </div>
  );
}

/** Whose picture stands at the head of a conversation. */
export const Who = ({ name, isThere }: { readonly name: string; readonly isThere: boolean }) => (
  <>
    <Avatar name={name} isThere={isThere} />
    <span class="visually-hidden">{isThere ? 'Is there.' : 'Is not there.'}</span>
  </>
);
