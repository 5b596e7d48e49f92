import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import { Composer } from './Composer.tsx';
import type { Words } from './languages/en.ts';
import { Rating } from './Rating.tsx';
import type { Shown } from './shown.ts';
import { Timeline } from './Timeline.tsx';

interface Props extends Shown {
  readonly direction: 'ltr' | 'rtl';
  readonly isTyping: boolean;
  readonly isModal: boolean;
  readonly close: () => void;
}

export function ChatPanel({ direction, isTyping, isModal, close, ...shown }: Props) {
  const { state, chat, words, language } = shown;
  const { snapshot, opening } = state;
  const isClosed = snapshot?.conversation?.status === 'closed';
  const isBegun = snapshot !== null || opening !== null || state.isUnsure;
  const isEnd = isClosed && !opening;
  const hasField = !isEnd && !state.isUnsure;
  const panel = useRef<HTMLElement>(null);
  const hadField = useRef(hasField);
  const hasFocus = useRef(false);
  // The close takes the field away that somebody is writing in, and the next question brings it back.
  useLayoutEffect(() => {
    if (hadField.current === hasField) return;
    hadField.current = hasField;
    if (hasFocus.current) (hasField ? panel.current?.querySelector('textarea') : panel.current)?.focus();
  }, [hasField]);
  // A pressed button that goes away would leave the focus nowhere, and with it the keys of the panel.
  useEffect(() => {
    const element = panel.current;
    if (!element) return;
    const observer = new MutationObserver((changes) => {
      if (!hasFocus.current || element.matches(':focus-within')) return;
      const from = changes.find(({ removedNodes }) => removedNodes.length > 0)?.target as Element | undefined;
      // What took the place of the field, else what the button stood in.
      const next = from?.closest('.middle')?.querySelector('.timeline') ?? from?.querySelector('.composer textarea');
      ((next as HTMLElement | null | undefined) ?? element).focus({ preventScroll: true });
    });
    observer.observe(element, { childList: true, subtree: true });
    return () => observer.disconnect();
  }, []);
  return (
    <section
      ref={panel}
      onFocusIn={() => {
        hasFocus.current = true;
      }}
      onFocusOut={() => {
        // What is taken away loses the focus too: whether it has left the panel shows when that is done.
        setTimeout(() => {
          hasFocus.current = panel.current?.matches(':focus-within') ?? false;
        });
      }}
      class="panel"
      part="panel"
      role="dialog"
      aria-modal={isModal}
      aria-label={words.dialog}
      tabIndex={-1}
      lang={language}
    >
      <div class={isBegun ? 'inside' : 'inside start'} dir={direction}>
        <Header {...shown} close={close} isBegun={isBegun} />
        <Trouble {...shown} />
        {isBegun ? (
          <Timeline key={snapshot?.id ?? 'opening'} {...shown} isTyping={isTyping}>
            {isEnd && <End {...shown} />}
          </Timeline>
        ) : (
          <Welcome {...shown} />
        )}
        {hasField && <Composer key={chat.person} chat={chat} words={words} isTyping={isTyping} />}
      </div>
    </section>
  );
}

function Header({ state, words, close, isBegun }: Shown & { readonly close: () => void; readonly isBegun: boolean }) {
  const { snapshot, trouble } = state;
  // Without a connection nobody knows who is there.
  const deskOpen = trouble === null ? state.deskOpen : null;
  const agent = snapshot?.conversation?.agent ?? null;
  const isHere = agent !== null && trouble === null && (snapshot?.present.includes(agent.id) ?? false);
  const isClosed = snapshot?.conversation?.status === 'closed';
  return (
    <header class="header" part="header">
      {agent && (
        <span class="avatar" part="avatar" aria-hidden="true">
          {initial(agent.name)}
        </span>
      )}
      <div class="who">
        {!isBegun && <p class="hello">{words.hello}</p>}
        <h2 class="title" part="title">
          <bdi>{agent?.name ?? words.title}</bdi>
        </h2>
        {isClosed ? (
          <p class="about">{words.ended}</p>
        ) : agent ? (
          <About isLit={isHere}>{isHere ? words.here : words.elsewhereNow}</About>
        ) : (
          isBegun && <Desk isOpen={deskOpen} words={words} />
        )}
      </div>
      <button type="button" class="icon" part="close" aria-label={words.close} title={words.close} onClick={close}>
        <svg viewBox="0 0 24 24" aria-hidden="true">
          <path d="m6 6 12 12M18 6 6 18" />
        </svg>
      </button>
    </header>
  );
}

/** Whether anybody is there. Its room is kept until that is known. */
const Desk = ({ isOpen, words }: { readonly isOpen: boolean | null; readonly words: Words }) =>
  isOpen === null ? <p class="about" /> : <About isLit={isOpen}>{isOpen ? words.deskOpen : words.deskAway}</About>;

const About = ({ isLit, children }: { readonly isLit: boolean; readonly children: string }) => (
  <p class="about">
    <span class={isLit ? 'lamp lit' : 'lamp'} aria-hidden="true" />
    {children}
  </p>
);

const initial = (name: string): string => [...name.trim()][0]?.toLocaleUpperCase() ?? '';

function Trouble({ state, chat, words }: Shown) {
  const { trouble, signInFailed, opening } = state;
  return (
    <div role="status">
      {trouble && (
        <p class="strip" part="notice">
          {words[trouble]}
          {trouble === 'elsewhere' && (
            <button type="button" class="quiet" onClick={() => chat.goOnHere()}>
              {words.goOnHere}
            </button>
          )}
        </p>
      )}
      {/* A question that was refused for it says so itself. */}
      {signInFailed && opening?.failed !== 'INVALID_TOKEN' && (
        <p class="strip" part="notice">
          {words.signInFailed}
        </p>
      )}
    </div>
  );
}

/** Before the first question. Nothing is asked. */
const Welcome = ({ state, words }: Shown) => (
  <div class="welcome" part="welcome">
    <div class="card">
      <Desk isOpen={state.deskOpen} words={words} />
      <p>{state.mustSignIn ? words.signIn : state.deskOpen === false ? words.deskAwayMore : words.greeting}</p>
    </div>
  </div>
);

/** After the close: how it was, and the way to the next question. */
function End(shown: Shown) {
  const { state, chat, words } = shown;
  const again = () => {
    // What the close has kept from being sent is not lost, and no half-written sentence after it.
    const unsent = state.snapshot?.outbox.filter(({ state: how }) => how === 'failed') ?? [];
    const written = [...unsent.map(({ content }) => content), chat.begun('draft') ?? ''];
    chat.keep('draft', written.filter((text) => text !== '').join('\n\n'));
    for (const { clientMessageId } of unsent) chat.discard(clientMessageId);
    chat.askAgain();
  };
  return (
    <footer class="end" part="end">
      <Rating key={state.snapshot?.id} {...shown} />
      <button type="button" class="button" part="again" onClick={again}>
        {words.again}
      </button>
    </footer>
  );
}
