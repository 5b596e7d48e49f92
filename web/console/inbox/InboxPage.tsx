import { useCallback, useMemo, useState } from 'preact/hooks';
import type { AnyConversation } from '../../../client/src/index.ts';
import { availability } from '../app/client.ts';
import { minute } from '../app/clock.ts';
import { useDesk } from '../app/desk.ts';
import { clockTime, count } from '../app/format.ts';
import { type Order, prefer, preferences } from '../app/preferences.ts';
import { addressOf, go, place } from '../app/router.ts';
import { useOrder } from '../app/useOrder.ts';
import { Conversation } from '../chat/Conversation.tsx';
import { AssignDialog } from '../queue/AssignDialog.tsx';
import { useKeys } from '../shell/keys.ts';
import { useCurrent } from '../shell/useCurrent.ts';
import { NewestFirst } from '../ui/lists.tsx';
import { Empty, Failed, LIST_CHANGED, ListSaid, ListStatus, Skeleton } from '../ui/parts.tsx';
import { WindowedList } from '../ui/WindowedList.tsx';
import { ConversationRow } from './ConversationRow.tsx';
import type { Row } from './inbox.ts';

const ROW = 84;

const ORDERS: Readonly<Record<Order, string>> = {
  latest: 'Latest message first',
  waiting: 'Longest waiting first',
  urgent: 'Most urgent first',
};
/** Of what others hold, all is read before it is sorted, up to so many. */
const MOST_HELD = 1_000;

const URGENCY = { urgent: 0, high: 1, normal: 2, low: 3 } as const;
const timeOf = ({ conversation }: Row): string => conversation.lastMessageAt ?? conversation.createdAt;

const BY: Readonly<Record<Order, (a: Row, b: Row) => number>> = {
  latest: (a, b) => timeOf(b).localeCompare(timeOf(a)),
  // Those who have an answer come after those who wait for one.
  waiting: (a, b) => Number(b.isWaiting) - Number(a.isWaiting) || timeOf(a).localeCompare(timeOf(b)),
  urgent: (a, b) =>
    URGENCY[a.conversation.priority ?? 'normal'] - URGENCY[b.conversation.priority ?? 'normal'] ||
    timeOf(b).localeCompare(timeOf(a)),
};

const plain = (conversation: AnyConversation): Row => ({ conversation, unread: 0, isWaiting: false, isTyping: false });

/** The conversations somebody holds or oversees, and the one that is open. */
export function InboxPage() {
  const desk = useDesk();
  const { id, query } = place.value;
  const tab = query.get('show') === 'closed' ? 'closed' : 'open';
  // Who waits for an answer is known of one's own conversations only.
  const orders = (Object.keys(ORDERS) as Order[]).filter((name) => desk.inbox !== null || name !== 'waiting');
  const order = orders.find((name) => name === preferences.value.order) ?? 'latest';
  const [assigning, setAssigning] = useState<AnyConversation | null>(null);

  const paged = tab === 'closed' ? desk.closed : desk.inbox === null ? desk.held : null;
  const read = () => void (paged === desk.held ? paged.all(MOST_HELD) : (paged?.refresh() ?? desk.inbox?.load()));
  if (paged && paged.readAt.peek() === null && !paged.isLoading.peek() && paged.failure.peek() === null) {
    read();
  }
  const items = paged ? paged.items.value.map(plain) : (desk.inbox?.rows.value ?? []);
  const failure = paged ? paged.failure.value : (desk.inbox?.failure.value ?? null);
  const isLoaded = paged ? paged.readAt.value !== null : desk.inbox?.isLoaded.value === true;

  const sorted = useMemo(
    () => (tab === 'closed' ? items : [...items].sort(BY[order])).map(({ conversation }) => conversation.id),
    [items, order, tab],
  );
  const listName = `${tab} ${order}`;
  const byId = new Map(items.map((row) => [row.conversation.id, row]));
  const { rows, ids, isGone, isBehind, hold } = useOrder(listName, sorted, byId);

  const addressFor = (conversationId: string | null) =>
    addressOf('inbox', conversationId, tab === 'closed' ? { show: 'closed' } : {});
  const { current, moves } = useCurrent(ids, id, (one) => {
    const conversation = byId.get(one)?.conversation;
    return conversation && `${conversation.candidate.name}: ${conversation.subject}`;
  });
  useKeys({
    ...moves,
    Enter: () => current !== null && go(addressFor(current)),
    Escape: () => id !== null && go(addressFor(null)),
  });
  const onEnd = useCallback(() => void paged?.more(), [paged]);

  return (
    <div class={id === null ? 'columns' : 'columns with-open'}>
      <section class="list-column" aria-label="Conversations">
        <header class="list-head">
          <h1>Inbox</h1>
          <nav class="tabs" aria-label="Which conversations">
            <a
              href={addressOf('inbox')}
              aria-current={tab === 'open' ? 'page' : undefined}
              onClick={(event) => {
                event.preventDefault();
                go(addressOf('inbox'));
              }}
            >
              {desk.inbox ? 'Mine' : 'In progress'}
              {desk.inbox && isLoaded && <span class="tab-count">{desk.inbox.rows.value.length}</span>}
            </a>
            <a
              href={addressOf('inbox', null, { show: 'closed' })}
              aria-current={tab === 'closed' ? 'page' : undefined}
              onClick={(event) => {
                event.preventDefault();
                go(addressOf('inbox', null, { show: 'closed' }));
              }}
            >
              Closed
            </a>
          </nav>
        </header>
        {tab === 'open' ? (
          <div class="list-status">
            <label>
              <span class="visually-hidden">Order</span>
              <select value={order} onChange={({ currentTarget }) => prefer({ order: currentTarget.value as Order })}>
                {orders.map((name) => (
                  <option key={name} value={name}>
                    {ORDERS[name]}
                  </option>
                ))}
              </select>
            </label>
            {paged && (
              <ListStatus isLoading={paged.isLoading.value} onRefresh={read}>
                {paged.readAt.value !== null &&
                  `${paged.hasMore.value ? `of the ${items.length} read, ` : ''}as of ${clockTime(paged.readAt.value)}`}
              </ListStatus>
            )}
          </div>
        ) : (
          <NewestFirst list={desk.closed} />
        )}
        <ListSaid>{isBehind && LIST_CHANGED}</ListSaid>
        {!isLoaded && failure ? (
          <Failed failure={failure} onRetry={read} />
        ) : !isLoaded ? (
          <Skeleton rows={8} />
        ) : rows.length === 0 ? (
          <NoConversations tab={tab} isAgent={desk.inbox !== null} />
        ) : (
          <WindowedList
            name={listName}
            label="Conversations"
            items={rows}
            idOf={({ conversation }) => conversation.id}
            rowHeight={ROW}
            currentId={current ?? id}
            onHeld={hold}
            onEnd={onEnd}
            row={({ conversation, unread, isWaiting, isTyping }) => (
              <ConversationRow
                conversation={conversation}
                href={addressFor(conversation.id)}
                isOpen={conversation.id === id}
                isCurrent={conversation.id === current}
                unread={unread}
                isWaiting={isWaiting}
                isTyping={isTyping}
                hasDraft={conversation.id !== id && desk.drafts.get(conversation.id).text !== ''}
                showAgent={desk.inbox === null}
                isGone={isGone(conversation.id)}
                at={minute.value}
              />
            )}
          />
        )}
      </section>
      {id === null ? (
        <section class="conversation none" aria-label="Conversation">
          <Empty icon="inbox" title={rows.length === 0 ? 'Nothing to answer' : 'Choose a conversation'}>
            {rows.length === 0 ? (
              'What you are given appears here at once.'
            ) : (
              <>
                {count(rows.length, 'conversation')} in the list. <kbd>j</kbd> and <kbd>k</kbd> move, <kbd>Enter</kbd>{' '}
                opens, <kbd>?</kbd> shows every key.
              </>
            )}
          </Empty>
        </section>
      ) : (
        <Conversation key={id} id={id} backTo={addressFor(null)} onAssign={setAssigning} />
      )}
      {assigning && <AssignDialog conversation={assigning} onClose={() => setAssigning(null)} />}
    </div>
  );
}

function NoConversations({ tab, isAgent }: { readonly tab: 'open' | 'closed'; readonly isAgent: boolean }) {
  if (tab === 'closed') return <Empty icon="check" title="Nothing is closed yet" />;
  if (!isAgent) {
    return (
      <Empty icon="inbox" title="Nobody is being answered right now">
        What agents hold appears here. What waits is in the queue.
      </Empty>
    );
  }
  return (
    <Empty icon="inbox" title="Your inbox is empty">
      {availability.value.status === 'available'
        ? 'You are available: conversations come to you, or a supervisor gives you one.'
        : 'Become available, and conversations come to you; or a supervisor gives you one.'}
    </Empty>
  );
}
