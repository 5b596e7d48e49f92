import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { LiveSupportError, type User } from '../../../client/src/index.ts';
import AnalyticsPage from '../analytics/AnalyticsPage.tsx';
import { Lines } from '../analytics/charts.tsx';
import { now } from '../app/clock.ts';
import { type Desk, DeskContext } from '../app/desk.ts';
import type { Draft } from '../app/drafts.ts';
import { PagedList } from '../app/pagedList.ts';
import { prefer, preferences, type Theme } from '../app/preferences.ts';
import AuditPage from '../audit/AuditPage.tsx';
import { Composer } from '../chat/Composer.tsx';
import { History } from '../chat/History.tsx';
import { Lost } from '../chat/Lost.tsx';
import { SidePanel } from '../chat/SidePanel.tsx';
import { ConversationRow } from '../inbox/ConversationRow.tsx';
import PeoplePage from '../people/PeoplePage.tsx';
import { QueueRow } from '../queue/QueuePage.tsx';
import { RoutingCard } from '../queue/RoutingCard.tsx';
import { TeamPanel } from '../queue/TeamPanel.tsx';
import RepliesPage from '../replies/RepliesPage.tsx';
import { Switch } from '../shell/AvailabilitySwitch.tsx';
import { ConnectionWords, TooManyWords } from '../shell/ConnectionLine.tsx';
import { Credentials } from '../signin/SignIn.tsx';
import { late } from '../ui/Late.tsx';
import { Empty, Failed, ListSaid, ListStatus, Skeleton } from '../ui/parts.tsx';
import { agent, failure, full, messages, notes, outbox, refusal, rows, waiting } from './examples.ts';

/** Every state of every view, for looking at: on a laptop only. Nothing here reaches the service. */

const NO_CONNECTION = 'There is no connection. Try again when you are back.';
const Missing = late(() => Promise.reject(new Error('an example')));

/** What a desk is whose service answers all alike. */
function answeredBy(answer: () => Promise<never>): Desk {
  const user: User = { ...agent('Admin One', 'away'), role: 'admin' };
  const client = { http: new Proxy({}, { get: () => answer }) };
  // The views below use nothing else of a desk.
  return { user, client, replies: new PagedList(answer) } as unknown as Desk;
}

const PAGES = [
  ['People', PeoplePage],
  ['Analytics', AnalyticsPage],
  ['Audit', AuditPage],
  ['Replies', RepliesPage],
] as const;
const EMPTY = { items: [], nextCursor: null, days: [], supervisors: [], totals: { supervisors: 0, agents: 0 } };

const ANSWERS = [
  { name: 'loading', desk: answeredBy(() => new Promise(() => undefined)), views: PAGES },
  { name: 'empty', desk: answeredBy(async () => EMPTY as never), views: PAGES },
  {
    name: 'failed',
    desk: answeredBy(() => Promise.reject(new LiveSupportError('NETWORK', 'an example'))),
    views: [...PAGES, ['Routing', RoutingCard] as const],
  },
];

const THEMES: readonly Theme[] = ['system', 'light', 'dark'];
const nothing = () => undefined;
const later = async () => undefined;

export default function StatesPage() {
  const [isRightToLeft, setRightToLeft] = useState(false);
  return (
    <main class="states" dir={isRightToLeft ? 'rtl' : 'ltr'}>
      <header>
        <h1>Every state</h1>
        <label>
          Theme{' '}
          <select
            value={preferences.value.theme}
            onChange={({ currentTarget }) => prefer({ theme: currentTarget.value as Theme })}
          >
            {THEMES.map((theme) => (
              <option key={theme} value={theme}>
                {theme}
              </option>
            ))}
          </select>
        </label>
        <label>
          <input
            type="checkbox"
            checked={isRightToLeft}
            onChange={({ currentTarget }) => setRightToLeft(currentTarget.checked)}
          />{' '}
          Right to left
        </label>
      </header>
      <State name="Connection: lost, offline, too many">
        <ConnectionWords isOffline={false} since={now.value - 14_000} waiting={2} retry="Next attempt in 8 s" />
        <ConnectionWords isOffline since={now.value - 90_000} waiting={0} retry="" />
        <TooManyWords onConnect={nothing} />
      </State>
      <State name="Availability: unknown, away, available, without a connection">
        <Switch snapshot={{ status: null, until: null }} cant={null} isBusy={false} onChange={nothing} />
        <Switch snapshot={{ status: 'away', until: null }} cant={null} isBusy={false} onChange={nothing} />
        <Switch
          snapshot={{ status: 'available', until: new Date(now.value + 150_000).toISOString() }}
          cant={null}
          isBusy={false}
          onChange={nothing}
        />
        <Switch
          snapshot={{ status: 'available', until: new Date(now.value + 60_000).toISOString() }}
          cant={NO_CONNECTION}
          isBusy={false}
          onChange={nothing}
        />
      </State>
      <State name="A list: loading">
        <Skeleton rows={3} />
      </State>
      <State name="A list: empty">
        <Empty icon="inbox" title="Your inbox is empty">
          Become available, and conversations come to you; or a supervisor gives you one.
        </Empty>
      </State>
      <State name="A list: failed">
        <Failed failure={failure} onRetry={nothing} />
      </State>
      <State name="A list: refused">
        <Failed failure={refusal} />
      </State>
      <State name="A list: stale, and being read anew">
        <ListStatus isLoading onRefresh={nothing}>
          Newest first, as of 14:05
        </ListStatus>
        <div class="states-list">
          <ListSaid>Reading the queue anew …</ListSaid>
        </div>
      </State>
      <State name="Rows: plain, unread, long words, typing, a draft, rated">
        {rows.map(({ of, ...rest }, index) => (
          <div key={of.id} class="states-row">
            <ConversationRow
              conversation={of}
              href="/console/states"
              isOpen={index === 0}
              isCurrent={index === 1}
              showAgent={index === 5}
              at={now.value}
              {...rest}
            />
          </div>
        ))}
      </State>
      <State name="Waiting: long, came back, taken by somebody else">
        {waiting.map((one, index) => (
          <div key={one.id} class="states-queue-row">
            <QueueRow
              conversation={one}
              isOpen={false}
              isCurrent={index === 1}
              word={index === 2 ? 'Given to Agent Two' : null}
              onAssign={nothing}
              onDrag={null}
            />
          </div>
        ))}
      </State>
      <State name="Team: room, full, away, not counted">
        <TeamPanel
          team={[
            { user: agent('Agent One', 'available'), load: 3 },
            { user: agent('Agent Two', 'available'), load: 5 },
            { user: agent('Agent Three', 'away', 0), load: 0 },
            { user: agent('Oluwaseun Adeyemi-Richardson-Montgomery', 'away'), load: null },
          ]}
          isLoaded
          failure={null}
          onRetry={nothing}
          isDragging={false}
          onDrop={null}
          onSendAway={nothing}
          onCapacity={later}
        />
      </State>
      <State name="Team: empty, failed">
        {[null, failure].map((one) => (
          <TeamPanel
            key={one?.said}
            team={[]}
            isLoaded={one === null}
            failure={one}
            onRetry={nothing}
            isDragging={false}
            onDrop={null}
            onSendAway={null}
            onCapacity={later}
          />
        ))}
      </State>
      <State name="The queue: empty">
        <Empty icon="check" title="Nobody is waiting">
          Who opens a conversation appears here at once.
        </Empty>
      </State>
      <State name="A conversation: days, a note, new, read, sent, sending, failed, typing" tall>
        <History
          id="full"
          messages={messages}
          notes={notes}
          outbox={outbox}
          hasEarlier
          customerName="Mara Lindqvist"
          readSeq={3}
          newAfter={3}
          isTyping
          isLoading={false}
          onEarlier={later}
          onSeen={nothing}
          onRetry={nothing}
          onDiscard={nothing}
        />
      </State>
      <State name="A conversation: loading">
        <Skeleton rows={4} kind="bubble" />
      </State>
      <State name="A conversation: failed">
        <Failed failure={failure} onRetry={nothing} />
      </State>
      <State name="A conversation: lost in the middle of a sentence" isInert>
        <Lost backTo="/console/inbox" written="Hello Mara, I have asked the carrier, and" onDiscard={nothing} />
      </State>
      <State name="A conversation that is only read: stale">
        <ListStatus isLoading={false} onRefresh={nothing}>
          As of 14:05. Not read again: {failure.said}
        </ListStatus>
      </State>
      <State name="The panel beside it: no connection, notes failed" tall>
        <div class="states-panel">
          <SidePanel
            conversation={full}
            notes={[]}
            notesFailure={failure}
            onReloadNotes={nothing}
            onEdit={later}
            cant={NO_CONNECTION}
          />
        </div>
      </State>
      <State name="The panel beside it" tall>
        <div class="states-panel">
          <SidePanel
            conversation={full}
            notes={notes}
            notesFailure={null}
            onReloadNotes={nothing}
            onEdit={later}
            cant={null}
          />
        </div>
      </State>
      <State name="Composer: a reply">
        <ExampleComposer draft={{ text: 'Hello Mara, I am sorry to hear that.', mode: 'reply' }} cantReply={null} />
      </State>
      <State name="Composer: a note">
        <ExampleComposer draft={{ text: 'Ask the carrier again on Monday.', mode: 'note' }} cantReply={null} />
      </State>
      <State name="Composer: too long">
        <ExampleComposer draft={{ text: 'long '.repeat(801), mode: 'reply' }} cantReply={null} />
      </State>
      <State name="Composer: closed">
        <ExampleComposer draft={{ text: '', mode: 'reply' }} cantReply="The conversation is closed" />
      </State>
      <State name="Chart: with gaps, and with nothing">
        <Lines
          title="First answer, median"
          days={['2026-03-01', '2026-03-02', '2026-03-03', '2026-03-04', '2026-03-05']}
          lines={[{ name: 'First answer', tone: 'first', values: [40, 62, null, 35, 90] }]}
          say={(value) => `${value} s`}
          sayDay={(day) => day.slice(5)}
        />
        <Lines
          title="Ratings"
          days={['2026-03-01', '2026-03-02']}
          lines={[{ name: 'Rating', tone: 'first', values: [null, null] }]}
          say={String}
          sayDay={(day) => day.slice(5)}
          topOf={() => 5}
        />
      </State>
      <State name="A view whose code doesn’t come">
        <Missing />
      </State>
      <State name="Signing in" isInert>
        <Credentials email="" onEmail={nothing} onForgot={nothing} />
      </State>
      <State name="Analytics: stale">
        <p class="stale-line">Not read anew: {failure.said}</p>
      </State>
      {ANSWERS.flatMap(({ name: how, desk, views }) =>
        views.map(([name, View]) => (
          <State key={name + how} name={`${name}: ${how}`} tall={View !== RoutingCard} isInert>
            <DeskContext.Provider value={desk}>
              <View />
            </DeskContext.Provider>
          </State>
        )),
      )}
    </main>
  );
}

const State = ({
  name,
  tall,
  isInert,
  children,
}: {
  readonly name: string;
  readonly tall?: boolean;
  /** What would lead away from here can’t be operated. */
  readonly isInert?: boolean;
  readonly children: ComponentChildren;
}) => (
  <section class={tall ? 'state tall' : 'state'} aria-label={name}>
    <h2>{name}</h2>
    <div class="state-box" inert={isInert ?? false}>
      {children}
    </div>
  </section>
);

function ExampleComposer({ draft: initial, cantReply }: { readonly draft: Draft; readonly cantReply: string | null }) {
  const [draft, setDraft] = useState(initial);
  return (
    <Composer
      conversationId="full"
      draft={draft}
      onDraft={setDraft}
      cantReply={cantReply}
      customerName="Mara Lindqvist"
      replies={[]}
      noReplies="There are no canned replies yet."
      fillReply={(content) => content}
      onTyping={nothing}
      onSend={nothing}
      onNote={later}
      isWaitingForNetwork={false}
    />
  );
}
