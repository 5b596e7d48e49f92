import { useCallback, useEffect, useMemo, useState } from 'preact/hooks';
import type { PasswordReset, Role, StaffRole, User } from '../../../client/src/index.ts';
import { useDesk } from '../app/desk.ts';
import { type Failure, failureOf } from '../app/errors.ts';
import { clockTime, dateTime } from '../app/format.ts';
import { tell } from '../app/notices.ts';
import { PagedList } from '../app/pagedList.ts';
import { addressOf, go, place } from '../app/router.ts';
import { isolate } from '../app/text.ts';
import { CapacityDialog } from '../queue/TeamPanel.tsx';
import { Ask, Dialog } from '../ui/Dialog.tsx';
import { DialogActions, Field, Refusal, Refused, TextField, useFirstFault, useSubmitting } from '../ui/forms.tsx';
import { Icon } from '../ui/Icon.tsx';
import { ListBody, NewestFirst } from '../ui/lists.tsx';
import { Menu, type MenuItem } from '../ui/Menu.tsx';
import { Avatar, Empty, Skeleton, useMedia } from '../ui/parts.tsx';
import { WindowedList } from '../ui/WindowedList.tsx';

/** Where there is little room, a person takes a line more, or two. */
const ROW = { wide: 60, middle: 80, narrow: 100 };
const MOST_SUPERVISORS = 1_000;

const ROLES: Readonly<Record<string, string>> = {
  all: 'Everybody',
  agent: 'Agents',
  supervisor: 'Supervisors',
  admin: 'Admins',
  candidate: 'Customers',
};
const ROLE_NAMES: Readonly<Record<Role, string>> = {
  agent: 'Agent',
  supervisor: 'Supervisor',
  admin: 'Admin',
  candidate: 'Customer',
};

type Doing =
  | { readonly what: 'create' }
  | { readonly what: 'edit' | 'deactivate' | 'reset' | 'erase' | 'capacity'; readonly user: User };

/** Who works here, and who writes: an admin makes, changes and ends them. */
export default function PeoplePage() {
  const { client, user: me } = useDesk();
  const { query } = place.value;
  const role = query.get('role') ?? 'agent';
  const active = query.get('active') ?? '';
  const [text, setText] = useState('');
  const [doing, setDoing] = useState<Doing | null>(null);
  const isWide = useMedia('(width >= 900px)');
  const isNarrow = useMedia('(width < 720px)');
  const supervisors = useMemo(
    () =>
      new PagedList((cursor) =>
        client.http.listUsers({ query: { role: 'supervisor', limit: 100, ...(cursor !== undefined && { cursor }) } }),
      ),
    [client],
  );
  const list = useMemo(
    () =>
      new PagedList((cursor) =>
        client.http.listUsers({
          query: {
            limit: 100,
            ...(role in ROLE_NAMES && { role: role as Role }),
            ...(active !== '' && { active: active === 'true' }),
            ...(cursor !== undefined && { cursor }),
          },
        }),
      ),
    [client, role, active],
  );
  useEffect(() => void list.refresh(), [list]);
  useEffect(() => void supervisors.all(MOST_SUPERVISORS), [supervisors]);
  const onEnd = useCallback(() => void list.more(), [list]);
  const nameOf = useMemo(
    () => new Map(supervisors.items.value.map(({ id, name }) => [id, name])),
    [supervisors.items.value],
  );
  const needle = text.trim().toLowerCase();
  const people = list.items.value.filter(
    ({ name, email }) =>
      needle === '' || name.toLowerCase().includes(needle) || (email ?? '').toLowerCase().includes(needle),
  );
  const nobody = list.hasMore.value ? 'Nobody of those who were read' : 'Nobody';
  // What isn't loaded can't be found.
  useEffect(() => {
    if (needle !== '' && list.hasMore.value && list.failure.value === null) void list.more();
  }, [needle, list.items.value]);

  const filter = (change: Readonly<Record<string, string>>) =>
    go(
      addressOf(
        'people',
        null,
        Object.fromEntries(Object.entries({ role, active, ...change }).filter(([, value]) => value !== '')),
      ),
    );
  // The list has whom its filters let in, whoever was just made or changed.
  const isListed = (user: User) =>
    (!(role in ROLE_NAMES) || user.role === role) && (active === '' || user.active === (active === 'true'));
  const put = (user: User) => {
    if (isListed(user)) list.put(user);
    else list.remove(user.id);
    if (user.role === 'supervisor') supervisors.put(user);
  };
  const change = async (user: User, body: Parameters<typeof client.http.updateUser>[0]['body']) => {
    put(await client.http.updateUser({ params: { userId: user.id }, body }));
  };
  const close = () => setDoing(null);
  const actions = (user: User): MenuItem[] => {
    const isStaff = user.role !== 'candidate';
    const hasAddress = user.email !== null;
    return [
      { label: 'Edit', icon: 'settings', onSelect: () => setDoing({ what: 'edit', user }) },
      ...(user.role === 'agent'
        ? [
            {
              label: 'Change the capacity',
              icon: 'queue' as const,
              onSelect: () => setDoing({ what: 'capacity', user }),
            },
          ]
        : []),
      ...(hasAddress && user.active
        ? [{ label: 'Password reset link', icon: 'link' as const, onSelect: () => setDoing({ what: 'reset', user }) }]
        : []),
      user.active
        ? {
            label: 'Deactivate',
            icon: 'leave',
            isDangerous: true,
            isDisabled: user.id === me.id,
            hint: user.id === me.id ? 'that is you' : '',
            onSelect: () => setDoing({ what: 'deactivate', user }),
          }
        : {
            label: 'Reactivate',
            icon: 'check',
            onSelect: () => {
              // An agent comes back into a team: where theirs is gone, the form asks for another one.
              change(user, { active: true }).then(
                () => tell(`${isolate(user.name)} can sign in again.`),
                (thrown: unknown) => {
                  const failure = failureOf(thrown);
                  if (failure.fields['supervisorId']) setDoing({ what: 'edit', user });
                  else tell(failure.said, 'bad');
                },
              );
            },
          },
      ...(isStaff
        ? []
        : [
            {
              label: 'Erase',
              icon: 'close' as const,
              isDangerous: true,
              onSelect: () => setDoing({ what: 'erase', user }),
            },
          ]),
    ];
  };

  return (
    <div class="page people">
      <header class="page-head">
        <h1>People</h1>
        <button type="button" class="button primary" onClick={() => setDoing({ what: 'create' })}>
          <Icon name="plus" /> New person
        </button>
      </header>
      <div class="filters">
        <label>
          <span>Who</span>
          <select value={role} onChange={({ currentTarget }) => filter({ role: currentTarget.value })}>
            {Object.entries(ROLES).map(([value, label]) => (
              <option key={value} value={value}>
                {label}
              </option>
            ))}
          </select>
        </label>
        <label>
          <span>State</span>
          <select value={active} onChange={({ currentTarget }) => filter({ active: currentTarget.value })}>
            <option value="">Any state</option>
            <option value="true">Active</option>
            <option value="false">Deactivated</option>
          </select>
        </label>
        <label class="filter-search">
          <span>Search</span>
          <input
            type="search"
            value={text}
            placeholder="Name or address"
            onInput={({ currentTarget }) => setText(currentTarget.value)}
          />
        </label>
      </div>
      <NewestFirst list={list} />
      <ListBody list={list} rows={8} onRetry={() => void list.refresh()}>
        {people.length === 0 ? (
          list.hasMore.value && list.failure.value === null ? (
            <Skeleton rows={8} kind="line" />
          ) : (
            <Empty icon="people" title={needle === '' ? 'Nobody here' : `${nobody} is called “${text.trim()}”`} />
          )
        ) : (
          <WindowedList
            name={`people ${role} ${active}`}
            label="People"
            items={people}
            idOf={({ id }) => id}
            rowHeight={isWide ? ROW.wide : isNarrow ? ROW.narrow : ROW.middle}
            currentId={null}
            onEnd={onEnd}
            row={(user) => (
              <div class={user.active ? 'person' : 'person inactive'}>
                <Avatar name={user.name} />
                <span class="person-main">
                  <span class="row-name" dir="auto">
                    {user.name}
                  </span>
                  <span class="person-email">{user.email ?? 'No address'}</span>
                </span>
                <span class="person-role">
                  <span>{ROLE_NAMES[user.role]}</span>
                  {user.role === 'agent' && user.supervisorId && (
                    <small>
                      {' '}
                      under <bdi>{nameOf.get(user.supervisorId) ?? '…'}</bdi>
                    </small>
                  )}
                </span>
                <span class="person-since">
                  {!user.active && <span class="person-state">Deactivated </span>}
                  <span>since {dateTime(user.createdAt)}</span>
                </span>
                <Menu label={`What to do with ${user.name}`} items={actions(user)}>
                  <Icon name="more" />
                </Menu>
              </div>
            )}
          />
        )}
      </ListBody>
      {doing?.what === 'create' && (
        <PersonDialog
          user={null}
          supervisors={supervisors}
          onClose={close}
          onSave={async (values) => {
            put(
              await client.http.createUser({
                body: {
                  name: values.name,
                  email: values.email,
                  password: values.password,
                  role: values.role,
                  ...(values.role === 'agent' && { supervisorId: values.supervisorId }),
                },
              }),
            );
            tell(`${isolate(values.name)} can sign in now.`);
            close();
          }}
        />
      )}
      {doing?.what === 'edit' && (
        <PersonDialog
          user={doing.user}
          supervisors={supervisors}
          onClose={close}
          onSave={async ({ name, email, supervisorId }) => {
            const { user } = doing;
            await change(user, {
              ...(name !== user.name && { name }),
              ...(email !== (user.email ?? '') && { email }),
              ...(user.role === 'agent' && supervisorId !== user.supervisorId && { supervisorId }),
            });
            tell('Saved.');
            close();
          }}
        />
      )}
      {doing?.what === 'capacity' && (
        <CapacityDialog
          user={doing.user}
          onClose={close}
          onSave={async (maxConversations) => {
            put(await client.http.setCapacity({ params: { userId: doing.user.id }, body: { maxConversations } }));
            close();
          }}
        />
      )}
      {doing?.what === 'deactivate' && (
        <Confirm
          title={`Deactivate ${isolate(doing.user.name)}?`}
          yes="Deactivate"
          onClose={close}
          onYes={async () => {
            await change(doing.user, { active: false });
            tell(`${isolate(doing.user.name)} is signed out everywhere, and can’t sign in.`);
          }}
        >
          Every session ends at once.{doing.user.role === 'agent' && ' What they hold goes back to the queue.'} They can
          be reactivated.
        </Confirm>
      )}
      {doing?.what === 'erase' && (
        <Confirm
          title={`Erase ${isolate(doing.user.name)}?`}
          yes="Erase for good"
          onClose={close}
          onYes={async () => {
            await client.http.eraseUser({ params: { userId: doing.user.id } });
            list.remove(doing.user.id);
            tell('Erased.');
          }}
        >
          Name, address and the text of every conversation are gone for good. Nobody can bring them back.
        </Confirm>
      )}
      {doing?.what === 'reset' && <ResetDialog user={doing.user} onClose={close} />}
    </div>
  );
}

interface ConfirmProps {
  readonly title: string;
  readonly yes: string;
  readonly children: preact.ComponentChildren;
  readonly onYes: () => Promise<void>;
  readonly onClose: () => void;
}

function Confirm({ title, yes, children, onYes, onClose }: ConfirmProps) {
  const [failure, setFailure] = useState<Failure | null>(null);
  const [isBusy, setBusy] = useState(false);
  return (
    <Ask
      title={title}
      yes={yes}
      isDangerous
      isBusy={isBusy}
      onClose={onClose}
      onYes={() => {
        setBusy(true);
        onYes()
          .then(onClose, (thrown: unknown) => setFailure(failureOf(thrown)))
          .finally(() => setBusy(false));
      }}
    >
      <p>{children}</p>
      {failure && <Refusal>{failure.said}</Refusal>}
    </Ask>
  );
}

interface Values {
  readonly name: string;
  readonly email: string;
  readonly password: string;
  readonly role: StaffRole;
  readonly supervisorId: string;
}

interface PersonDialogProps {
  readonly user: User | null;
  readonly supervisors: Supervisors;
  readonly onClose: () => void;
  readonly onSave: (values: Values) => Promise<void>;
}

export function PersonDialog({ user, supervisors, onClose, onSave }: PersonDialogProps) {
  const [values, setValues] = useState<Values>({
    name: user?.name ?? '',
    email: user?.email ?? '',
    password: '',
    role: user && user.role !== 'candidate' ? user.role : 'agent',
    supervisorId: user?.supervisorId ?? '',
  });
  const { failure, isBusy, submit } = useSubmitting();
  const form = useFirstFault(failure?.fields);
  const set = (change: Partial<Values>) => setValues({ ...values, ...change });
  const fault = (field: string) => failure?.fields[field];
  const isAgent = user ? user.role === 'agent' : values.role === 'agent';
  return (
    <Dialog title={user ? `Edit ${isolate(user.name)}` : 'New person'} onClose={onClose}>
      <form ref={form} class="form" noValidate onSubmit={(event) => submit(event, () => onSave(values))}>
        <TextField
          label="Name"
          error={fault('name')}
          value={values.name}
          autocomplete="off"
          onValue={(name) => set({ name })}
        />
        {(user === null || user.email !== null) && (
          <TextField
            label="E-mail"
            error={fault('email')}
            type="email"
            value={values.email}
            autocomplete="off"
            onValue={(email) => set({ email })}
          />
        )}
        {user === null && (
          <>
            <TextField
              label="Password"
              error={fault('password')}
              hint="8 to 128 characters. They can change it themselves."
              type="password"
              autocomplete="new-password"
              value={values.password}
              onValue={(password) => set({ password })}
            />
            <Field label="Role" error={fault('role')}>
              {(attributes) => (
                <select
                  {...attributes}
                  value={values.role}
                  onChange={({ currentTarget }) => set({ role: currentTarget.value as StaffRole })}
                >
                  <option value="agent">Agent: answers customers</option>
                  <option value="supervisor">Supervisor: gives out what waits</option>
                  <option value="admin">Admin: people, analytics, audit</option>
                </select>
              )}
            </Field>
          </>
        )}
        {isAgent && (
          <SupervisorField
            supervisors={supervisors}
            value={values.supervisorId}
            had={user?.supervisorId ?? null}
            // The service says it of an id, and together with all else that is wrong.
            error={failure && values.supervisorId === '' ? 'Choose a supervisor.' : fault('supervisorId')}
            onValue={(supervisorId) => set({ supervisorId })}
          />
        )}
        <Refused failure={failure} />
        <DialogActions onClose={onClose}>
          <button type="submit" class="button primary" disabled={isBusy}>
            {user ? 'Save' : 'Make'}
          </button>
        </DialogActions>
      </form>
    </Dialog>
  );
}

type Supervisors = Pick<PagedList<User>, 'items' | 'failure' | 'readAt'> & { all(most: number): Promise<unknown> };

interface SupervisorFieldProps {
  readonly supervisors: Supervisors;
  readonly value: string;
  /** Whom an agent is under, who may be deactivated; `null` for a new one. */
  readonly had: string | null;
  readonly error: string | undefined;
  readonly onValue: (id: string) => void;
}

/** Under whom an agent is: one of those who could be read. */
function SupervisorField({ supervisors, value, had, error, onValue }: SupervisorFieldProps) {
  const open = supervisors.items.value.filter(({ active, id }) => active || id === had);
  const failure = supervisors.failure.value;
  const isRead = supervisors.readAt.value !== null;
  const isNobody = isRead && failure === null && open.length === 0;
  return (
    <>
      <Field
        label="Supervisor"
        error={error}
        {...(isNobody && { hint: 'There is no active supervisor yet: make one first.' })}
        {...(had !== null && { hint: 'Who moves takes along what they hold.' })}
      >
        {(attributes) => (
          <select {...attributes} value={value} onChange={({ currentTarget }) => onValue(currentTarget.value)}>
            <option value="">{isRead || failure ? 'Choose one' : 'Reading …'}</option>
            {open.map(({ id, name, active }) => (
              <option key={id} value={id}>
                {name}
                {active ? '' : ' (deactivated)'}
              </option>
            ))}
          </select>
        )}
      </Field>
      {failure && (
        <Refusal>
          {isRead ? 'Not all supervisors are here.' : 'The supervisors could not be read.'} {failure.said}{' '}
          <button type="button" class="text-button" onClick={() => void supervisors.all(MOST_SUPERVISORS)}>
            Try again
          </button>
        </Refusal>
      )}
    </>
  );
}

function ResetDialog({ user, onClose }: { readonly user: User; readonly onClose: () => void }) {
  const { client } = useDesk();
  const [link, setLink] = useState<PasswordReset | null>(null);
  // Said here: what is said beside the page nobody hears or sees while a dialog is over it.
  const [copied, setCopied] = useState<string | null>(null);
  const { failure, isBusy, submit } = useSubmitting();
  const make = (event: Event) =>
    submit(event, () => client.http.createPasswordReset({ params: { userId: user.id } }).then(setLink));
  return (
    <Dialog title={`Password reset link for ${isolate(user.name)}`} onClose={onClose}>
      {link === null ? (
        <>
          <p>
            Whoever has the link sets a new password and signs in as <bdi>{user.name}</bdi>. Hand it over by a way you
            trust. It works once, for 30 minutes.
          </p>
          {failure && <Refusal>{failure.said}</Refusal>}
          <DialogActions onClose={onClose}>
            <button type="button" class="button primary" disabled={isBusy} onClick={make}>
              Make the link
            </button>
          </DialogActions>
        </>
      ) : (
        <>
          <Field label="The link" hint={`Works until ${clockTime(link.expiresAt)}. It isn’t shown again.`}>
            {(attributes) => (
              <input
                {...attributes}
                readOnly
                value={link.url}
                onFocus={({ currentTarget }) => currentTarget.select()}
              />
            )}
          </Field>
          <p role="status" class="field-hint">
            {copied}
          </p>
          <DialogActions onClose={onClose} closes="Done">
            <button
              type="button"
              class="button primary"
              onClick={() =>
                navigator.clipboard.writeText(link.url).then(
                  () => setCopied('The link is copied.'),
                  () => setCopied('The browser doesn’t let this page copy: select the link.'),
                )
              }
            >
              Copy
            </button>
          </DialogActions>
        </>
      )}
    </Dialog>
  );
}
