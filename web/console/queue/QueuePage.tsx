import { useMemo, useRef, useState } from 'preact/hooks';
import type { AnyConversation, Priority, StaffConversation } from '../../../client/src/index.ts';
import { withLeaving } from '../app/arrange.ts';
import { cant } from '../app/cant.ts';
import { lostSince } from '../app/client.ts';
import { now } from '../app/clock.ts';
import { useDesk } from '../app/desk.ts';
import { failureOf } from '../app/errors.ts';
import { clockTime, count, fullTime, running } from '../app/format.ts';
import { tell } from '../app/notices.ts';
import { addressOf, go, place } from '../app/router.ts';
import { isolate } from '../app/text.ts';
import { useOrder } from '../app/useOrder.ts';
import { Conversation } from '../chat/Conversation.tsx';
import { useKeys } from '../shell/keys.ts';
import { useCurrent } from '../shell/useCurrent.ts';
import { Dialog } from '../ui/Dialog.tsx';
import { Icon } from '../ui/Icon.tsx';
import {
  Avatar,
  Empty,
  Failed,
  LIST_CHANGED,
  Link,
  ListSaid,
  PriorityMark,
  Skeleton,
  Tags,
  useMedia,
} from '../ui/parts.tsx';
import { WindowedList } from '../ui/WindowedList.tsx';
import { AssignDialog } from './AssignDialog.tsx';
import { RoutingCard } from './RoutingCard.tsx';
import { TeamPanel } from './TeamPanel.tsx';

const ROW = 76;

/** Waits so long that somebody should look: by how urgent it is. */
const LATE_MS: Readonly<Record<Priority, number>> = {
  urgent: 2 * 60_000,
  high: 5 * 60_000,
  normal: 10 * 60_000,
  low: 30 * 60_000,
};

/** What waits, the most urgent first, and who is there for it. */
export function QueuePage() {
  const { lobby, user, client } = useDesk();
  const { id } = place.value;
  const [assigning, setAssigning] = useState<AnyConversation | null>(null);
  // One column at a time: the team comes over the list.
  const isWide = useMedia('(width >= 720px)');
  const [isTeamOver, setTeamOver] = useState(false);
  const [dragged, setDragged] = useState<StaffConversation | null>(null);
  const shown = useRef<readonly string[]>([]);
  if (!lobby) return null;
  const isSupervisor = user.role === 'supervisor';
  const { state, conversations, error } = lobby.queue.value;
  const farewells = lobby.farewells.value;

  const byId = new Map<string, StaffConversation>(conversations.map((one) => [one.id, one]));
  // Who has left stays for a moment, where it was, with a word.
  for (const [gone, { conversation }] of farewells) if (!byId.has(gone)) byId.set(gone, conversation);
  const sorted = conversations.map((one) => one.id);
  const leaving = [...farewells.keys()].filter((gone) => shown.current.includes(gone) && !sorted.includes(gone));
  const inPlace = withLeaving(sorted, leaving, shown.current);
  const { rows, ids, isGone, isBehind, hold } = useOrder('queue', inPlace, byId);
  shown.current = ids;
  // A word stays as long as its row: where somebody is in the list, that is longer than the farewell.
  const words = useRef<ReadonlyMap<string, string>>(new Map());
  words.current = new Map(
    ids.flatMap((one) => {
      const word = farewells.get(one)?.word ?? (isGone(one) ? (words.current.get(one) ?? 'Gone') : null);
      return word === null ? [] : [[one, word] as const];
    }),
  );
  const mayAssign = isSupervisor && cant.value === null;
  const longest = useMemo(
    () =>
      conversations.reduce<string | null>(
        (oldest, one) => (!oldest || one.createdAt < oldest ? one.createdAt : oldest),
        null,
      ),
    [conversations],
  );

  const { current, moves, leave } = useCurrent(ids, id, (one) => {
    const row = byId.get(one);
    return row && `${row.candidate.name}: ${row.subject}`;
  });
  const target = byId.get(current ?? id ?? '');
  useKeys({
    ...moves,
    Enter: () => current !== null && go(addressOf('queue', current)),
    Escape: () => id !== null && go(addressOf('queue')),
    a: () => {
      if (!isSupervisor || !target) return;
      const word = words.current.get(target.id);
      if (word === undefined) setAssigning(target);
      else tell(`“${target.subject}” can’t be assigned any more: ${word}.`);
    },
  });

  const team = (
    <>
      {isSupervisor && <RoutingCard />}
      <TeamPanel
        team={lobby.team.value}
        isLoaded={lobby.isTeamLoaded.value}
        failure={lobby.teamFailure.value}
        onRetry={() => void lobby.loadTeam()}
        isDragging={dragged !== null}
        onDrop={
          isSupervisor
            ? (agent) => {
                if (dragged) void lobby.assign(dragged, agent);
                setDragged(null);
              }
            : null
        }
        onSendAway={
          isSupervisor
            ? (agent) => {
                client.http.sendAway({ params: { userId: agent.id }, body: { status: 'away' } }).then(
                  (changed) => {
                    lobby.putAgent(changed);
                    tell(`${isolate(agent.name)} is away now.`);
                  },
                  (thrown: unknown) => tell(failureOf(thrown).said, 'bad'),
                );
              }
            : null
        }
        onCapacity={async (agent, maxConversations) => {
          lobby.putAgent(await client.http.setCapacity({ params: { userId: agent.id }, body: { maxConversations } }));
          tell(`${isolate(agent.name)} takes ${count(maxConversations, 'conversation')} at once.`);
        }}
      />
    </>
  );

  return (
    <div class={id === null ? 'columns queue-columns' : 'columns queue-columns with-open'}>
      <section class="list-column queue-column" aria-label="Queue">
        <header class="list-head">
          <h1>Queue {state === 'live' && <span class="tab-count">{conversations.length}</span>}</h1>
          {longest && (
            <p class="queue-longest">
              Longest: <Waiting since={longest} />
            </p>
          )}
          {!isWide && (
            <button type="button" class="icon-button" aria-label="Team" title="Team" onClick={() => setTeamOver(true)}>
              <Icon name="people" />
            </button>
          )}
          <p class="queue-said">Most urgent first, then longest wait</p>
        </header>
        <ListSaid>
          {state === 'loading' && rows.length > 0
            ? cant.value !== null && lostSince.value !== null
              ? `As of ${clockTime(lostSince.value)}. It is read anew when you are back.`
              : 'Reading the queue anew …'
            : isBehind && LIST_CHANGED}
        </ListSaid>
        {error && state === 'idle' ? (
          <Failed failure={failureOf(error)} onRetry={() => void client.queue.watch().catch(() => undefined)} />
        ) : state !== 'live' && rows.length === 0 ? (
          <Skeleton rows={8} />
        ) : rows.length === 0 ? (
          <Empty icon="check" title="Nobody is waiting">
            Who opens a conversation appears here at once.
          </Empty>
        ) : (
          <WindowedList
            name="queue"
            label="Waiting conversations"
            items={rows}
            idOf={(one) => one.id}
            rowHeight={ROW}
            currentId={current}
            onHeld={hold}
            row={(conversation) => (
              <QueueRow
                conversation={conversation}
                isOpen={conversation.id === id}
                isCurrent={conversation.id === current}
                word={words.current.get(conversation.id) ?? null}
                onAssign={isSupervisor ? () => setAssigning(conversation) : null}
                onDrag={mayAssign ? (isDragged) => setDragged(isDragged ? conversation : null) : null}
              />
            )}
          />
        )}
      </section>
      {id !== null && <Conversation key={id} id={id} backTo={addressOf('queue')} onAssign={setAssigning} />}
      {id === null && isWide && (
        <aside class="team-column" aria-label="Team and routing">
          {team}
        </aside>
      )}
      {!isWide && isTeamOver && (
        <Dialog title={isSupervisor ? 'Routing and team' : 'Team'} onClose={() => setTeamOver(false)} class="sheet">
          <div class="panel-content">{team}</div>
        </Dialog>
      )}
      {assigning && (
        <AssignDialog
          conversation={assigning}
          onClose={() => setAssigning(null)}
          onGiven={(given) => leave(given.id)}
        />
      )}
    </div>
  );
}

const Waiting = ({ since }: { readonly since: string }) => (
  <time dateTime={since} title={`Since ${fullTime(since)}`} class="waiting-time">
    {running(now.value - Date.parse(since))}
  </time>
);

interface QueueRowProps {
  readonly conversation: StaffConversation;
  readonly isOpen: boolean;
  readonly isCurrent: boolean;
  /** Why the row is about to leave. */
  readonly word: string | null;
  readonly onAssign: (() => void) | null;
  readonly onDrag: ((isDragged: boolean) => void) | null;
}

export function QueueRow({ conversation, isOpen, isCurrent, word, onAssign, onDrag }: QueueRowProps) {
  const { id, candidate, subject, priority, tags, createdAt, requeues } = conversation;
  const isLate = now.value - Date.parse(createdAt) > LATE_MS[priority];
  const classes = ['queue-row', isOpen && 'open', isCurrent && 'current', word && 'leaving', isLate && 'late']
    .filter(Boolean)
    .join(' ');
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: dragging is one of three ways to assign; the others are a button and a key.
    <div
      class={classes}
      draggable={onDrag !== null && word === null}
      onDragStart={(event) => {
        event.dataTransfer?.setData('text/plain', subject);
        onDrag?.(true);
      }}
      onDragEnd={() => onDrag?.(false)}
    >
      <Link
        class="queue-link"
        href={addressOf('queue', id)}
        aria-current={isOpen ? 'true' : undefined}
        draggable={false}
        data-row={id}
      >
        <Avatar name={candidate.name} />
        <span class="queue-main">
          <span class="row-name" dir="auto">
            {candidate.name}
          </span>
          <span class="queue-subject" dir="auto">
            {subject}
          </span>
          <span class="queue-marks">
            <PriorityMark priority={priority} />
            <Tags tags={tags} most={2} />
            {requeues > 0 && (
              <span class="requeued">
                <Icon name="requeue" /> came back{requeues > 1 ? ` ${requeues}×` : ''}
              </span>
            )}
          </span>
          {word === null && (
            <span class="queue-time">
              {isLate && <Icon name="clock" />}
              <span class="visually-hidden">Waits </span>
              <Waiting since={createdAt} />
              {isLate && <span class="visually-hidden">, long</span>}
            </span>
          )}
        </span>
      </Link>
      {word !== null && <span class="farewell">{word}</span>}
      {word === null && onAssign && (
        <button
          type="button"
          class="button dense"
          aria-label={`Assign “${subject}”`}
          title={cant.value ?? undefined}
          disabled={cant.value !== null}
          onClick={onAssign}
        >
          Assign
        </button>
      )}
    </div>
  );
}
