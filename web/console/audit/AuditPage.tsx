import { useCallback, useEffect, useMemo, useState } from 'preact/hooks';
import type { AuditAction, AuditEntry, LiveSupportClient } from '../../../client/src/index.ts';
import { useDesk } from '../app/desk.ts';
import { dateTime, fullTime } from '../app/format.ts';
import { PagedList } from '../app/pagedList.ts';
import { addressOf, go, place } from '../app/router.ts';
import { Icon } from '../ui/Icon.tsx';
import { ListBody, NewestFirst } from '../ui/lists.tsx';
import { Empty, Link, useMedia } from '../ui/parts.tsx';
import { WindowedList } from '../ui/WindowedList.tsx';

/** Where there is little room, the time stands on a line of its own. */
const ROW = { wide: 64, narrow: 80 };

/** Each that the service knows: a new one that is missing here doesn't compile. */
const ACTIONS = Object.keys({
  registered: 1,
  signed_in: 1,
  sign_in_failed: 1,
  attempts_throttled: 1,
  signed_out: 1,
  password_changed: 1,
  password_change_failed: 1,
  password_reset: 1,
  password_reset_made: 1,
  refresh_token_repeated: 1,
  refresh_token_reused: 1,
  sessions_displaced: 1,
  first_admin_created: 1,
  user_created: 1,
  user_updated: 1,
  user_erased: 1,
  visitor_merged: 1,
  conversation_assigned: 1,
  conversation_requeued: 1,
  conversation_moved: 1,
  conversation_closed: 1,
  conversation_edited: 1,
  agent_sent_away: 1,
  capacity_set: 1,
  routing_set: 1,
} satisfies Record<AuditAction, 1>);

/** `conversation_assigned` → `Conversation assigned`: there will be more of them than this page knows. */
const sayAction = (action: string): string => {
  const words = action.replaceAll('_', ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
};

/** Who did what to whom, when and from where. */
export default function AuditPage() {
  const { client } = useDesk();
  const { query } = place.value;
  const action = query.get('action') ?? '';
  const actorId = query.get('actorId') ?? '';
  const targetId = query.get('targetId') ?? '';
  const list = useMemo(
    () =>
      new PagedList<AuditEntry>((cursor) =>
        client.http.listAudit({
          query: {
            limit: 100,
            ...(action !== '' && { action: action as AuditAction }),
            ...(actorId !== '' && { actorId }),
            ...(targetId !== '' && { targetId }),
            ...(cursor !== undefined && { cursor }),
          },
        }),
      ),
    [client, action, actorId, targetId],
  );
  useEffect(() => void list.refresh(), [list]);
  const nameOf = useStaffNames(client);
  const isWide = useMedia('(width >= 720px)');
  const sayWho = (id: string) => nameOf.get(id) ?? tail(id);
  const onEnd = useCallback(() => void list.more(), [list]);
  const addressFor = (change: Readonly<Record<string, string>>) =>
    addressOf(
      'audit',
      null,
      Object.fromEntries(Object.entries({ action, actorId, targetId, ...change }).filter(([, value]) => value !== '')),
    );
  const entries = list.items.value;
  return (
    <div class="page audit">
      <header class="page-head">
        <h1>Audit</h1>
      </header>
      <div class="filters">
        <label>
          <span>What</span>
          <select value={action} onChange={({ currentTarget }) => go(addressFor({ action: currentTarget.value }))}>
            <option value="">Everything</option>
            {[...new Set([...ACTIONS, ...(action === '' ? [] : [action])])].map((name) => (
              <option key={name} value={name}>
                {sayAction(name)}
              </option>
            ))}
          </select>
        </label>
        {actorId !== '' && (
          <Link
            class="button dense chip"
            href={addressFor({ actorId: '' })}
            aria-label={`No longer only by ${actorId}`}
          >
            By {sayWho(actorId)} <Icon name="close" />
          </Link>
        )}
        {targetId !== '' && (
          <Link
            class="button dense chip"
            href={addressFor({ targetId: '' })}
            aria-label={`No longer only to ${targetId}`}
          >
            To {sayWho(targetId)} <Icon name="close" />
          </Link>
        )}
      </div>
      <NewestFirst list={list} />
      <ListBody list={list} rows={8} onRetry={() => void list.refresh()}>
        {entries.length === 0 ? (
          <Empty icon="audit" title="Nothing of the kind was recorded" />
        ) : (
          <WindowedList
            name={`audit ${action} ${actorId} ${targetId}`}
            label="Audit"
            items={entries}
            idOf={({ id }) => id}
            rowHeight={isWide ? ROW.wide : ROW.narrow}
            currentId={null}
            onEnd={onEnd}
            row={(entry) => (
              <div class="audit-row">
                <time dateTime={entry.at} title={fullTime(entry.at)}>
                  {dateTime(entry.at)}
                </time>
                <span class="audit-what">
                  <strong>{sayAction(entry.action)}</strong>
                  <span class="audit-details">{sayDetails(entry)}</span>
                </span>
                <span class="audit-who">
                  {entry.actorId === null ? (
                    <span>By the service</span>
                  ) : (
                    <Link href={addressFor({ actorId: entry.actorId })} title={`Only by ${entry.actorId}`}>
                      {nameOf.get(entry.actorId) ?? `${entry.actorRole ?? 'somebody'} ${tail(entry.actorId)}`}
                    </Link>
                  )}
                  {entry.targetId !== null && (
                    <Link href={addressFor({ targetId: entry.targetId })} title={`Only to ${entry.targetId}`}>
                      to {sayWho(entry.targetId)}
                    </Link>
                  )}
                </span>
              </div>
            )}
          />
        )}
      </ListBody>
    </div>
  );
}

/** The names of the staff, by their ids: the audit holds ids only. Who has come since is shown by the end of theirs. */
function useStaffNames(client: LiveSupportClient): ReadonlyMap<string, string> {
  const [names, setNames] = useState<ReadonlyMap<string, string>>(new Map());
  useEffect(() => {
    const lists = (['admin', 'supervisor', 'agent'] as const).map(
      (role) =>
        new PagedList((cursor) =>
          client.http.listUsers({ query: { role, limit: 100, ...(cursor !== undefined && { cursor }) } }),
        ),
    );
    void Promise.all(lists.map((list) => list.all(1_000))).then(() =>
      setNames(new Map(lists.flatMap((list) => list.items.peek().map(({ id, name }) => [id, name] as const)))),
    );
  }, [client]);
  return names;
}

/** The end of an id is what tells it from others; the whole one is in the title and in the address. */
const tail = (id: string): string => `…${id.slice(-6)}`;

const sayDetails = ({ details, sourceIp }: AuditEntry): string =>
  [
    ...Object.entries(details).map(([name, value]) => `${name}: ${value}`),
    ...(sourceIp === null ? [] : [`from ${sourceIp}`]),
  ].join(' · ');
