import { useEffect, useState } from 'preact/hooks';
import { title, unreadTotal } from '../app/attention.ts';
import { client, connection, waitingToBeSent } from '../app/client.ts';
import { type Desk, DeskContext } from '../app/desk.ts';
import { count } from '../app/format.ts';
import { addressOf, go, isLocal, place, type View } from '../app/router.ts';
import { InboxPage } from '../inbox/InboxPage.tsx';
import { QueuePage } from '../queue/QueuePage.tsx';
import { Ask, Dialog } from '../ui/Dialog.tsx';
import { Icon, type IconName } from '../ui/Icon.tsx';
import { late } from '../ui/Late.tsx';
import { Menu } from '../ui/Menu.tsx';
import { Avatar, Empty, Link } from '../ui/parts.tsx';
import { AvailabilitySwitch } from './AvailabilitySwitch.tsx';
import { ConnectionLine } from './ConnectionLine.tsx';
import { isListOpen, shortcutsOf, useKeys } from './keys.ts';
import { Notices } from './Notices.tsx';
import { useFocusOfPlace } from './useFocusOfPlace.ts';

const PeoplePage = late(() => import('../people/PeoplePage.tsx'));
const AnalyticsPage = late(() => import('../analytics/AnalyticsPage.tsx'));
const AuditPage = late(() => import('../audit/AuditPage.tsx'));
const RepliesPage = late(() => import('../replies/RepliesPage.tsx'));
const SettingsPage = late(() => import('../settings/SettingsPage.tsx'));

type StaffRole = 'agent' | 'supervisor' | 'admin';
const ENTRIES: readonly {
  readonly view: View;
  readonly label: string;
  readonly icon: IconName;
  readonly roles: readonly StaffRole[];
}[] = [
  { view: 'inbox', label: 'Inbox', icon: 'inbox', roles: ['agent', 'supervisor', 'admin'] },
  { view: 'queue', label: 'Queue', icon: 'queue', roles: ['supervisor', 'admin'] },
  { view: 'people', label: 'People', icon: 'people', roles: ['admin'] },
  { view: 'analytics', label: 'Analytics', icon: 'analytics', roles: ['supervisor', 'admin'] },
  { view: 'audit', label: 'Audit', icon: 'audit', roles: ['admin'] },
  { view: 'replies', label: 'Replies', icon: 'replies', roles: ['agent', 'supervisor', 'admin'] },
];
const TITLES: Partial<Record<View, string>> = { settings: 'Settings' };

const nameOf = (view: View | null): string | undefined =>
  ENTRIES.find((entry) => entry.view === view)?.label ?? (view === null ? undefined : TITLES[view]);

const FIRST: Readonly<Record<StaffRole, View>> = { agent: 'inbox', supervisor: 'queue', admin: 'queue' };

export function Shell({ desk }: { readonly desk: Desk }) {
  const { view, id } = place.value;
  const role = desk.user.role as StaffRole;
  const mayGo = ENTRIES.filter(({ roles }) => roles.includes(role));
  const isAllowed = view === 'settings' || mayGo.some((entry) => entry.view === view);
  const [isLeaving, setLeaving] = useState(false);
  // A supervisor's link to what waited: whoever may see it has it in their inbox.
  const isForInbox = view === 'queue' && id !== null && !isAllowed;

  useEffect(() => {
    // Those two are a laptop's, and were shown before this.
    if (isForInbox) go(addressOf('inbox', id), { replace: true });
    if (view === null || view === 'beside' || view === 'states') go(addressOf(FIRST[role]), { replace: true });
  }, [view, id, role]);
  useFocusOfPlace();
  useEffect(() => {
    const name = nameOf(view);
    title.value = name ? `${name} · Live Support` : 'Live Support';
  }, [view]);

  const to = (wanted: View) => () => (mayGo.some((entry) => entry.view === wanted) ? go(addressOf(wanted)) : false);
  useKeys({
    '?': () => {
      isListOpen.value = true;
    },
    'g i': to('inbox'),
    'g q': to('queue'),
    'g p': to('people'),
    'g a': to('analytics'),
    'g r': to('replies'),
  });

  const staying = whatStays(desk);
  const waiting = desk.lobby?.queue.value;
  const badges: Partial<Record<View, number>> = {
    inbox: desk.inbox ? unreadTotal.value : 0,
    queue: waiting?.state === 'idle' ? 0 : (waiting?.conversations.length ?? 0),
  };
  const signOut = () => void client.signOut();

  return (
    <DeskContext.Provider value={desk}>
      <div class={id !== null && (view === 'inbox' || view === 'queue') ? 'shell with-open' : 'shell'}>
        <a class="skip" href="#main">
          Skip to the content
        </a>
        <ConnectionLine />
        <div class="rail">
          <nav aria-label="Views">
            <ul>
              {mayGo.map(({ view: to, label, icon }) => (
                <li key={to}>
                  <Link href={addressOf(to)} aria-current={to === view ? 'page' : undefined} title={label}>
                    <Icon name={icon} />
                    <span class="rail-label">{label}</span>
                    {(badges[to] ?? 0) > 0 && (
                      <span class={to === 'queue' ? 'badge quiet' : 'badge'}>
                        <span aria-hidden="true">{(badges[to] ?? 0) > 99 ? '99+' : badges[to]}</span>
                        <span class="visually-hidden">
                          {to === 'queue' ? `, ${badges[to]} waiting` : `, ${count(badges[to] ?? 0, 'unread message')}`}
                        </span>
                      </span>
                    )}
                  </Link>
                </li>
              ))}
            </ul>
          </nav>
          <div class="rail-foot">
            {role === 'agent' && <AvailabilitySwitch />}
            <Menu
              class="rail-user"
              items={[
                { label: 'Settings', icon: 'settings', onSelect: () => go(addressOf('settings')) },
                {
                  label: 'Keys',
                  icon: 'keys',
                  hint: '?',
                  onSelect: () => {
                    isListOpen.value = true;
                  },
                },
                ...(isLocal
                  ? [
                      {
                        label: 'Two people side by side',
                        icon: 'panel' as const,
                        onSelect: () => open('/console/beside'),
                      },
                      { label: 'Every state', icon: 'search' as const, onSelect: () => go(addressOf('states')) },
                    ]
                  : []),
                {
                  label: 'Sign out',
                  icon: 'leave',
                  onSelect: () => (staying.length > 0 ? setLeaving(true) : signOut()),
                },
              ]}
            >
              <Avatar name={desk.user.name} isThere={connection.value.state === 'ready'} />
              <span class="rail-label">
                <strong dir="auto">{desk.user.name}</strong>
                <small>{desk.user.role}</small>
              </span>
            </Menu>
          </div>
        </div>
        <main id="main" tabIndex={-1} aria-label={nameOf(view)}>
          {view !== null && !isAllowed && !isForInbox ? (
            <Empty icon="warning" title="This isn’t open to your role">
              <p>You are signed in as {desk.user.role}.</p>
              <Link class="button" href={addressOf(FIRST[role])}>
                Go on
              </Link>
            </Empty>
          ) : (
            <>
              {view === 'inbox' && <InboxPage />}
              {view === 'queue' && <QueuePage />}
              {view === 'people' && <PeoplePage />}
              {view === 'analytics' && <AnalyticsPage />}
              {view === 'audit' && <AuditPage />}
              {view === 'replies' && <RepliesPage />}
              {view === 'settings' && <SettingsPage />}
            </>
          )}
        </main>
        <Notices />
        {isListOpen.value && <KeyList role={role} />}
        {isLeaving && (
          <Ask title="Sign out?" yes="Sign out" onYes={signOut} onClose={() => setLeaving(false)}>
            {staying.map((words) => (
              <p key={words}>{words}</p>
            ))}
          </Ask>
        )}
      </div>
    </DeskContext.Provider>
  );
}

/** What somebody who signs out leaves behind. */
function whatStays({ inbox }: Desk): readonly string[] {
  if (!inbox) return [];
  const held = inbox.rows.value.length;
  const unsent = waitingToBeSent.value;
  const holds = inbox.isLoaded.value
    ? `You still hold ${count(held, 'conversation')}.`
    : 'Your conversations are not read yet.';
  return [
    ...(unsent > 0
      ? [
          `${count(unsent, 'message is', 'messages are')} not sent yet. What is not sent goes out when you sign in here again.`,
        ]
      : []),
    ...(held > 0 || !inbox.isLoaded.value
      ? [
          `${holds} What you hold stays yours: nobody else answers it, unless your team’s routing takes it back or you give it back to the queue first.`,
        ]
      : []),
  ];
}

const KeyList = ({ role }: { readonly role: StaffRole }) => (
  <Dialog
    title="Keys"
    onClose={() => {
      isListOpen.value = false;
    }}
  >
    <dl class="keys">
      {shortcutsOf(role).map(({ keys, does }) => (
        <div key={does}>
          <dt>
            {keys.map((key) => (
              <kbd key={key}>{key}</kbd>
            ))}
          </dt>
          <dd>{does}</dd>
        </div>
      ))}
    </dl>
    <p class="panel-hint">None of them does anything while you type.</p>
  </Dialog>
);
