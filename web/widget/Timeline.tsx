import type { ComponentChildren, RefObject } from 'preact';
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { ConversationSnapshot } from '../../client/src/conversation.ts';
import type { OutgoingMessage } from '../../client/src/outbox.ts';
import type { Message } from '../../client/src/protocol.ts';
import { linkify } from '../shared/links.ts';
import { pieces, useSight } from '../shared/pieces.ts';
import type { Words } from './languages/en.ts';
import type { Shown } from './shown.ts';
import { dateOf, daysOf } from './timeline.ts';
import { fill } from './words.ts';

/** So near to the end counts as being there. */
const NEAR_PX = 48;

interface Props extends Shown {
  readonly isTyping: boolean;
  /** What stands below all that was said, and scrolls with it where there is little room. */
  readonly children: ComponentChildren;
}

/** What was said, from the first message on the screen to who is typing. */
export function Timeline({ isTyping, children, ...shown }: Props) {
  const { state, chat, words, language } = shown;
  const { snapshot, opening } = state;
  const asked = opening?.messages ?? state.accepted;
  const messages = snapshot?.messages ?? [];
  const place = useRef<HTMLElement>(null);
  const isAtEnd = useRef(true);
  const topBefore = useRef(0);
  const heightBefore = useRef(0);
  const lastSeq = messages.at(-1)?.seq ?? 0;
  const [seenSeq, setSeenSeq] = useState(lastSeq);
  const [isLoadingEarlier, setLoadingEarlier] = useState(false);
  const firstUnread = useFirstUnread(snapshot);
  const cut = useMemo(() => pieces(messages), [messages]);
  const theirs = messages.filter(({ seq, senderRole }) => seq > seenSeq && senderRole !== 'candidate').length;
  const outbox = snapshot?.outbox ?? [];

  const toEnd = () => {
    const element = place.current;
    if (element) element.scrollTop = element.scrollHeight;
  };
  const scrolled = () => {
    const element = place.current;
    if (!element) return;
    const isNear = element.scrollHeight - element.scrollTop - element.clientHeight < NEAR_PX;
    // The field may just have grown: whoever has not gone up is at the end.
    isAtEnd.current = isNear || (isAtEnd.current && element.scrollTop >= topBefore.current);
    topBefore.current = element.scrollTop;
    if (isAtEnd.current) {
      setSeenSeq(lastSeq);
      chat.seen();
    }
    if (element.scrollTop < NEAR_PX && snapshot?.hasEarlier) void loadEarlier();
  };
  const loadEarlier = async () => {
    if (isLoadingEarlier) return;
    setLoadingEarlier(true);
    heightBefore.current = place.current?.scrollHeight ?? 0;
    await chat.loadEarlier().catch(() => undefined);
    setLoadingEarlier(false);
  };

  // What comes above must not move what is read; what comes below is followed by who was at the end.
  const first = messages[0]?.seq;
  useLayoutEffect(() => {
    const element = place.current;
    if (!element || heightBefore.current === 0) return;
    element.scrollTop += element.scrollHeight - heightBefore.current;
    heightBefore.current = 0;
  }, [first]);
  // Whatever has changed may have made it higher.
  useLayoutEffect(() => {
    if (isAtEnd.current) toEnd();
  });
  useEffect(() => {
    if (!isAtEnd.current) return;
    setSeenSeq(lastSeq);
    chat.seen();
  }, [lastSeq]);
  // The keyboard comes and goes, the field below grows, and so does what stands at the end once it is closed.
  useEffect(() => {
    const element = place.current;
    if (!element) return;
    const observer = new ResizeObserver(() => isAtEnd.current && toEnd());
    for (const one of [element, element.lastElementChild]) if (one) observer.observe(one);
    return () => observer.disconnect();
  }, [snapshot?.conversation?.status]);

  const today = dateOf(new Date());
  const agent = snapshot?.conversation?.agent ?? null;
  const readBy = agent && snapshot ? (snapshot.readSeqs[agent.id] ?? 0) : 0;
  const lastMine = messages.findLast(({ senderRole }) => senderRole === 'candidate')?.seq;
  const mark = lastMine === undefined ? null : readBy >= lastMine ? words.read : words.sent;
  const isLoading = state.isUnsure
    ? !state.signInFailed
    : snapshot !== null && snapshot.conversation === null && messages.length === 0;
  // Only of what the service has: what is on its way, or refused, nobody has yet.
  const isWaiting =
    !isLoading &&
    snapshot !== null &&
    agent === null &&
    snapshot.conversation?.status !== 'closed' &&
    opening === null &&
    outbox.length === 0;
  return (
    <div class="middle">
      <section
        ref={place}
        class="timeline"
        part="messages"
        aria-label={words.conversation}
        aria-busy={isLoading}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must scroll by keyboard.
        tabIndex={0}
        onScroll={scrolled}
      >
        {snapshot?.hasEarlier && (
          <button
            type="button"
            class="quiet earlier"
            aria-disabled={isLoadingEarlier}
            onClick={() => void loadEarlier()}
          >
            {words.earlier}
          </button>
        )}
        {isLoading && (
          <div class="skeleton" role="status">
            <span class="visually-hidden">{words.loading}</span>
            <i />
            <i />
            <i />
          </div>
        )}
        {cut.map((piece, at) => (
          <Piece
            key={piece.number}
            messages={piece.messages}
            last={cut[at - 1]?.messages.at(-1)}
            firstUnread={firstUnread}
            marked={mark !== null && piece.messages.some(({ seq }) => seq === lastMine) ? lastMine : undefined}
            mark={mark}
            today={today}
            isLast={at === cut.length - 1}
            scroller={place}
            words={words}
            language={language}
          />
        ))}
        {(outbox.length > 0 || asked.length > 0) && (
          <ol class="outbox">
            {asked.map(({ id, content }, index) => (
              <li key={id} class="group mine">
                <Bubble who={words.you} isMine hasFailed={opening?.failed != null}>
                  {content}
                </Bubble>
                {index === asked.length - 1 && <OpeningState {...shown} />}
              </li>
            ))}
            {outbox.map((message) => (
              <Outgoing key={message.clientMessageId} message={message} {...shown} />
            ))}
          </ol>
        )}
        {isWaiting && (
          <p class="waiting" part="notice">
            {state.deskOpen === false ? words.waitingAway : words.waiting}
          </p>
        )}
        {isTyping && agent && state.trouble === null && snapshot?.typing.includes(agent.id) && (
          <p class="typing" part="typing">
            <span class="dots" aria-hidden="true">
              <i />
              <i />
              <i />
            </span>
            <span class="visually-hidden">{fill(words.typing, { name: agent.name })}</span>
          </p>
        )}
        {children}
      </section>
      {theirs > 0 && (
        <button type="button" class="news" part="news" title={words.toEnd} onClick={toEnd}>
          {fill(words.newMessages, { count: theirs })}
        </button>
      )}
    </div>
  );
}

interface PieceProps extends Pick<Shown, 'words' | 'language'> {
  readonly messages: readonly Message[];
  /** What was said before this piece. */
  readonly last: Message | undefined;
  readonly firstUnread: number | null;
  /** The message of this piece that says what became of it. */
  readonly marked: number | undefined;
  readonly mark: string | null;
  readonly today: string;
  readonly isLast: boolean;
  readonly scroller: RefObject<HTMLElement | null>;
}

function Piece({ scroller, isLast, ...drawn }: PieceProps) {
  const { messages, last, firstUnread, marked, mark, today, words, language } = drawn;
  const { element, hiddenHeight } = useSight(scroller, isLast, messages.length);
  const isDrawn = hiddenHeight === null;
  // What has not changed is not made anew: with every message, all of it would be.
  const days = useMemo(
    () => isDrawn && <Days {...drawn} />,
    [isDrawn, messages[0], messages.length, last, firstUnread, marked, marked && mark, today, words, language],
  );
  return (
    <div ref={element} style={{ blockSize: isDrawn ? '' : `${hiddenHeight}px` }}>
      {days}
    </div>
  );
}

type DaysProps = Omit<PieceProps, 'isLast' | 'scroller'>;

const Days = ({ messages, last, firstUnread, marked, mark, today, words, language }: DaysProps) =>
  daysOf(messages, { firstUnread, last }).map(({ date, goesOn, groups }) => (
    <section key={date} class="day">
      {!goesOn && (
        <h3 class="date">
          <span>{dayName(date, today, language)}</span>
        </h3>
      )}
      <ol>
        {groups.map((group) => (
          <li key={group.messages[0]?.seq} class={group.isMine ? 'group mine' : 'group theirs'}>
            {group.messages[0]?.seq === firstUnread && <p class="new">{words.unread}</p>}
            {group.messages.map((message) => (
              <Bubble key={message.seq} who={group.isMine ? words.you : group.senderName} isMine={group.isMine}>
                {message.content}
              </Bubble>
            ))}
            <p class="meta" part="meta">
              {!group.isMine && <bdi>{group.senderName}</bdi>}
              <time dateTime={group.messages.at(-1)?.sentAt}>{timeOf(group.messages.at(-1), language)}</time>
              {marked !== undefined && group.messages.at(-1)?.seq === marked && <span>{mark}</span>}
            </p>
          </li>
        ))}
      </ol>
    </section>
  ));

/** Where one has last read, as it was when the panel was opened. */
function useFirstUnread(snapshot: ConversationSnapshot | null): number | null {
  const found = useRef<number | null | undefined>(undefined);
  if (found.current === undefined && snapshot && snapshot.messages.length > 0 && snapshot.unread !== null) {
    const { conversation, messages, readSeqs, unread } = snapshot;
    const read = readSeqs[conversation?.candidateId ?? ''] ?? 0;
    const first = messages.find(({ seq, senderRole }) => seq > read && senderRole !== 'candidate');
    // Where nothing was read there is nothing to tell apart.
    found.current = unread > 0 && read > 0 && first ? first.seq : null;
  }
  return found.current ?? null;
}

interface BubbleProps {
  readonly who: string;
  readonly isMine: boolean;
  readonly hasFailed?: boolean;
  readonly children: string;
}

function Bubble({ who, isMine, hasFailed = false, children }: BubbleProps) {
  const pieces = useMemo(() => linkify(children), [children]);
  return (
    <div
      class={hasFailed ? 'bubble failed' : 'bubble'}
      part={isMine ? 'message message-mine' : 'message message-theirs'}
    >
      <span class="visually-hidden">{`${who}: `}</span>
      <div dir="auto">
        {pieces.map(({ text, href }, index) =>
          href === null ? (
            text
          ) : (
            // The pieces of a text stay where they are.
            <a key={index} href={href} target="_blank" rel="noopener noreferrer">
              {text}
            </a>
          ),
        )}
      </div>
    </div>
  );
}

function Outgoing({ message, chat, words }: Shown & { readonly message: OutgoingMessage }) {
  const { clientMessageId, content, state, error } = message;
  const hasFailed = state === 'failed';
  const isClosed = error?.code === 'CONVERSATION_CLOSED';
  return (
    <li class="group mine">
      <Bubble who={words.you} isMine hasFailed={hasFailed}>
        {content}
      </Bubble>
      {hasFailed ? (
        <Failed
          why={isClosed ? words.failedClosed : words.failed}
          words={words}
          discard={() => chat.discard(clientMessageId)}
        >
          {!isClosed && (
            <button type="button" class="quiet" onClick={() => chat.retry(clientMessageId)}>
              {words.retry}
            </button>
          )}
        </Failed>
      ) : (
        <p class="meta" part="meta">
          <span>{state === 'accepted' ? words.sent : words.sending}</span>
        </p>
      )}
    </li>
  );
}

function OpeningState({ state: { opening }, chat, words }: Shown) {
  if (opening?.failed == null) {
    return (
      <p class="meta" part="meta">
        <span>{opening ? words.sending : words.sent}</span>
      </p>
    );
  }
  return (
    <Failed why={reasonOf(opening.failed, words)} words={words} discard={() => chat.discardOpening()}>
      <button type="button" class="quiet" onClick={() => chat.retryOpening()}>
        {words.retry}
      </button>
    </Failed>
  );
}

function reasonOf(code: string, words: Words): string {
  if (code === 'NOT_CONFIGURED' || code === 'SIGNED_OUT') return words.signIn;
  if (code === 'INVALID_TOKEN') return words.signInFailed;
  return code === 'RATE_LIMITED' ? words.tooMany : words.refused;
}

interface FailedProps {
  readonly why: string;
  readonly words: Words;
  readonly discard: () => void;
  readonly children: ComponentChildren;
}

function Failed({ why, words, discard, children }: FailedProps) {
  return (
    <div class="meta failed" role="alert">
      <span>{why}</span>
      <div class="choices">
        {children}
        <button type="button" class="quiet" onClick={discard}>
          {words.discard}
        </button>
      </div>
    </div>
  );
}

const timeOf = (message: Message | undefined, language: string): string =>
  message ? new Date(message.sentAt).toLocaleTimeString(language, { hour: 'numeric', minute: '2-digit' }) : '';

/** "Today", "yesterday", else the day by its name. */
function dayName(date: string, today: string, language: string): string {
  const at = new Date(`${date}T12:00`);
  const now = new Date(`${today}T12:00`);
  const daysAgo = Math.round((now.getTime() - at.getTime()) / 86_400_000);
  if (daysAgo < 2) {
    const name = new Intl.RelativeTimeFormat(language, { numeric: 'auto' }).format(-daysAgo, 'day');
    return name.charAt(0).toLocaleUpperCase(language) + name.slice(1);
  }
  const isThisYear = at.getFullYear() === now.getFullYear();
  return at.toLocaleDateString(language, {
    weekday: 'long',
    day: 'numeric',
    month: 'long',
    ...(!isThisYear && { year: 'numeric' }),
  });
}
