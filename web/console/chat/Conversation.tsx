import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { AnyConversation, Reply } from '../../../client/src/index.ts';
import { cant, cantBriefly } from '../app/cant.ts';
import { useDesk } from '../app/desk.ts';
import type { Draft, Mode } from '../app/drafts.ts';
import { failureOf } from '../app/errors.ts';
import { clockTime, dateTime } from '../app/format.ts';
import { say, tell } from '../app/notices.ts';
import type { PagedList } from '../app/pagedList.ts';
import { prefer, preferences } from '../app/preferences.ts';
import { addressOf, go } from '../app/router.ts';
import { saveFile } from '../app/saveFile.ts';
import { fill, isolate } from '../app/text.ts';
import { useKeys } from '../shell/keys.ts';
import { Ask, Dialog } from '../ui/Dialog.tsx';
import { Icon } from '../ui/Icon.tsx';
import { Menu, type MenuItem } from '../ui/Menu.tsx';
import { Failed, Link, ListStatus, PriorityMark, Skeleton, useMedia } from '../ui/parts.tsx';
import { Composer } from './Composer.tsx';
import { Chat } from './chat.ts';
import { History, Who } from './History.tsx';
import { Lost } from './Lost.tsx';
import { type Edit, SidePanel } from './SidePanel.tsx';

interface ConversationProps {
  readonly id: string;
  /** The list it was opened from. */
  readonly backTo: string;
  readonly onAssign?: (conversation: AnyConversation) => void;
}

/** An open conversation: what was said, where one writes, and what is known of the customer. */
export function Conversation({ id, backTo, onAssign }: ConversationProps) {
  const desk = useDesk();
  const chat = useMemo(() => new Chat(desk, id), [desk, id]);
  useEffect(() => () => chat.stop(), [chat]);
  const state = chat.state.value;
  const { conversation } = state;
  const { role } = desk.user;
  const isMine = role === 'agent' && conversation?.status === 'assigned' && conversation.agentId === desk.user.id;
  const isWide = useMedia('(min-width: 1100px)');
  const [isPanelOver, setPanelOver] = useState(false);
  const [asking, setAsking] = useState<'close' | 'requeue' | null>(null);
  const [isBusy, setBusy] = useState(false);
  /** What is under way can be called off, as long as it is not answered. */
  const underWay = useRef<AbortController | null>(null);
  const draft = desk.drafts.get(id);
  useEffect(() => {
    if (desk.replies.readAt.peek() === null) void desk.replies.all(1_000);
  }, [desk]);
  useEffect(() => {
    const undo = chat.view.on('message', (message) => {
      if (message.senderRole === 'candidate' && chat.isNew(message)) say(`${message.senderName}: ${message.content}`);
    });
    return undo;
  }, [chat]);

  const setDraft = (next: Draft) => desk.drafts.set(id, next);
  const write = (mode: Mode) => {
    setDraft({ ...desk.drafts.get(id), mode });
    document.querySelector<HTMLElement>('[data-composer]')?.focus();
  };

  const mayClose = conversation !== null && (isMine || (role === 'supervisor' && conversation.status === 'open'));
  const mayRequeue =
    conversation?.status === 'assigned' &&
    (isMine || role === 'admin' || (role === 'supervisor' && conversation.supervisorId === desk.user.id));
  const mayAssign =
    role === 'supervisor' &&
    onAssign !== undefined &&
    (conversation?.status === 'open' ||
      (conversation?.status === 'assigned' && conversation.supervisorId === desk.user.id));

  const act = async (what: 'close' | 'requeue') => {
    setBusy(true);
    underWay.current = new AbortController();
    const { signal } = underWay.current;
    try {
      const params = { conversationId: id };
      if (what === 'requeue') chat.update(await desk.client.http.requeueConversation({ params, signal }));
      else if (isMine) await chat.view.close({ signal });
      else chat.update(await desk.client.http.closeConversation({ params, signal }));
      setAsking(null);
      // It is another one’s to see now.
      if (what === 'requeue' && role === 'agent') go(backTo, { replace: true });
    } catch (thrown) {
      if (signal.aborted) return void chat.refresh();
      tell(failureOf(thrown).said, 'bad');
      setAsking(null);
      void chat.refresh();
    } finally {
      setBusy(false);
    }
  };
  const callOff = () => {
    underWay.current?.abort();
    setAsking(null);
  };
  const edit = async (change: Edit) => {
    chat.update(await desk.client.http.editConversation({ params: { conversationId: id }, body: change }));
  };
  const save = async (format: 'text' | 'json') => {
    try {
      const transcript = await desk.client.http.getTranscript({ params: { conversationId: id }, query: { format } });
      const text = typeof transcript === 'string' ? transcript : JSON.stringify(transcript, null, 2);
      saveFile(`conversation-${id}.${format === 'text' ? 'txt' : 'json'}`, 'text/plain', text);
    } catch (thrown) {
      tell(failureOf(thrown).said, 'bad');
    }
  };

  useKeys({
    n: () => conversation && write('note'),
    '/': () => isMine && write('reply'),
    c: () => mayClose && setAsking('close'),
    a: () => mayAssign && conversation && onAssign?.(conversation),
    u: () => mayRequeue && setAsking('requeue'),
  });

  // Whoever gives it back is on the way to the list.
  if (state.state === 'lost' && !isBusy) {
    const refused = state.outbox.filter((message) => message.state === 'failed');
    return (
      <Lost
        backTo={backTo}
        written={[...refused.map(({ content }) => content), draft.text]
          .filter((text) => text.trim() !== '')
          .join('\n\n')}
        onDiscard={() => {
          for (const { clientMessageId } of refused) chat.view.discard(clientMessageId);
          setDraft({ text: '', mode: 'reply' });
        }}
      />
    );
  }
  if (!conversation) {
    return (
      <section class="conversation" aria-label="Conversation">
        {state.failure ? (
          <Failed failure={state.failure} onRetry={() => void chat.refresh()} />
        ) : (
          <Skeleton rows={6} kind="bubble" />
        )}
      </section>
    );
  }

  const panel = (
    <SidePanel
      conversation={conversation}
      notes={chat.notes.value}
      notesFailure={chat.notesFailure.value}
      onReloadNotes={() => void chat.loadNotes()}
      onEdit={edit}
      cant={cant.value}
    />
  );
  const isPanelBeside = isWide && preferences.value.panel;
  const more: MenuItem[] = [
    ...(mayRequeue
      ? [{ label: 'Give back to the queue', icon: 'requeue' as const, hint: 'u', onSelect: () => setAsking('requeue') }]
      : []),
    ...(['text', 'JSON'] as const).map((format) => ({
      label: `Transcript as ${format}`,
      icon: 'download' as const,
      isDisabled: cant.value !== null,
      hint: cantBriefly.value,
      onSelect: () => void save(format === 'text' ? 'text' : 'json'),
    })),
    {
      label: 'Copy the link',
      icon: 'link',
      onSelect: () =>
        // Whoever may see it finds it in their inbox.
        navigator.clipboard.writeText(new URL(addressOf('inbox', id), location.origin).href).then(
          () => tell('The link is copied.'),
          () => tell('The browser doesn’t let this page copy.', 'bad'),
        ),
    },
  ];
  const isThere = state.present.includes(conversation.candidateId);
  const notSent = draft.text.trim() !== '' && draft.mode === 'reply' ? ' What you have written is not sent.' : '';

  return (
    <>
      <section class="conversation" aria-label={`Conversation with ${conversation.candidate.name}`}>
        <header class="conversation-head">
          <Link class="icon-button back" href={backTo} aria-label="Back to the list">
            <Icon name="back" />
          </Link>
          {role === 'agent' ? <Who name={conversation.candidate.name} isThere={isThere} /> : null}
          <div class="conversation-title">
            <h1 dir="auto">{conversation.subject}</h1>
            <p>
              <span class="conversation-who" dir="auto">
                {conversation.candidate.name}
              </span>
              <PriorityMark priority={conversation.priority} />
              <span class="conversation-about">{aboutOf(conversation, isThere, role)}</span>
            </p>
          </div>
          <div class="conversation-actions">
            {mayAssign && (
              <button
                type="button"
                class="button dense primary"
                title={cant.value ?? 'Assign (a)'}
                disabled={cant.value !== null}
                onClick={() => onAssign?.(conversation)}
              >
                <Icon name="assign" /> <span>{conversation.status === 'open' ? 'Assign' : 'Reassign'}</span>
              </button>
            )}
            {mayClose && (
              <button type="button" class="button dense" title="Close (c)" onClick={() => setAsking('close')}>
                <Icon name="check" /> <span>Close</span>
              </button>
            )}
            <button
              type="button"
              class="icon-button"
              aria-label="Details"
              title="Details"
              aria-pressed={isWide ? isPanelBeside : isPanelOver}
              onClick={() => (isWide ? prefer({ panel: !preferences.peek().panel }) : setPanelOver(true))}
            >
              <Icon name="panel" />
            </button>
            <Menu label="More" items={more}>
              <Icon name="more" />
            </Menu>
          </div>
        </header>
        {state.readAt !== null && (
          <ListStatus isLoading={state.isReading} onRefresh={() => void chat.refresh()}>
            As of {clockTime(state.readAt)}
            {state.failure ? `. Not read again: ${state.failure.said}` : ''}
          </ListStatus>
        )}
        <History
          id={id}
          messages={state.messages}
          notes={chat.notes.value}
          outbox={state.outbox}
          hasEarlier={state.hasEarlier}
          customerName={conversation.candidate.name}
          readSeq={role === 'agent' ? (state.readSeqs[conversation.candidateId] ?? 0) : null}
          newAfter={chat.newAfter.value}
          isTyping={state.typing.length > 0}
          isLoading={state.state === 'loading'}
          onEarlier={() => chat.loadEarlier().catch((thrown: unknown) => tell(failureOf(thrown).said, 'bad'))}
          onSeen={() => {
            if (isMine) chat.seen();
          }}
          onRetry={(message) => void chat.view.retry(message)?.accepted.catch(() => undefined)}
          onDiscard={(message) => chat.view.discard(message)}
        />
        {conversation.status === 'closed' && (
          <p class="closed-line">
            Closed{conversation.closedAt ? ` ${dateTime(conversation.closedAt)}` : ''}. Nothing more can be said.
          </p>
        )}
        <Composer
          key={id}
          conversationId={id}
          draft={draft}
          onDraft={setDraft}
          cantReply={cantReply(role, conversation, isMine)}
          customerName={conversation.candidate.name}
          replies={desk.replies.items.value}
          noReplies={noReplies(desk.replies)}
          fillReply={(content) => filled(content, conversation, desk.user.name)}
          onTyping={(isTyping) => chat.view.typing(isTyping)}
          onSend={(text) => chat.send(text)}
          onNote={(text) => chat.note(text)}
          isWaitingForNetwork={cant.value !== null}
        />
      </section>
      {isPanelBeside && (
        <aside class="side-panel" aria-label="Details">
          {panel}
        </aside>
      )}
      {!isWide && isPanelOver && (
        <Dialog title="Details" onClose={() => setPanelOver(false)} class="sheet">
          {panel}
        </Dialog>
      )}
      {asking === 'close' && (
        <Ask
          title="Close this conversation?"
          yes="Close it"
          isBusy={isBusy}
          onYes={() => void act('close')}
          cant={cant.value}
          onClose={callOff}
        >
          <p>
            “<bdi>{conversation.subject}</bdi>” ends for <bdi>{conversation.candidate.name}</bdi> too. It can’t be
            opened again.{notSent}
          </p>
        </Ask>
      )}
      {asking === 'requeue' && (
        <Ask
          title="Give it back to the queue?"
          yes="Give it back"
          isBusy={isBusy}
          onYes={() => void act('requeue')}
          cant={cant.value}
          onClose={callOff}
        >
          <p>
            “<bdi>{conversation.subject}</bdi>” waits again, until it is given to an agent.{notSent}
          </p>
        </Ask>
      )}
    </>
  );
}

function aboutOf(conversation: AnyConversation, isThere: boolean, role: string): string {
  if (conversation.status === 'closed') return 'Closed';
  if (role === 'agent') return isThere ? 'Is there' : 'Not there right now';
  return conversation.agent ? `With ${isolate(conversation.agent.name)}` : 'Waiting';
}

function noReplies({ readAt, failure }: Pick<PagedList<Reply>, 'readAt' | 'failure'>): string {
  if (failure.value) return `The canned replies could not be read. ${failure.value.said}`;
  return readAt.value === null ? 'The canned replies are on their way …' : 'There are no canned replies yet.';
}

function cantReply(role: string, { status, agent }: AnyConversation, isMine: boolean): string | null {
  if (isMine) return null;
  if (status === 'closed') return 'The conversation is closed';
  if (role === 'agent') return 'You don’t have this conversation';
  return status === 'open'
    ? 'An agent answers once it is assigned'
    : `${agent?.name ?? 'An agent'} answers the customer`;
}

const filled = (content: Reply['content'], { candidate, subject }: AnyConversation, agentName: string): string =>
  fill(content, {
    'customer.name': candidate.name,
    'customer.email': 'email' in candidate && typeof candidate.email === 'string' ? candidate.email : undefined,
    'agent.name': agentName,
    'conversation.subject': subject,
  });
