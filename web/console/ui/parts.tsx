import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { Priority } from '../../../client/src/index.ts';
import type { Failure } from '../app/errors.ts';
import { initials } from '../app/format.ts';
import { go } from '../app/router.ts';
import { Icon, type IconName } from './Icon.tsx';

/** A link within the console: a plain click changes the view, all else is the browser's. */
export function Link({ href, onClick, ...rest }: JSX.IntrinsicElements['a'] & { readonly href: string }) {
  return (
    <a
      {...rest}
      href={href}
      onClick={(event) => {
        if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey || event.button !== 0) return;
        event.preventDefault();
        go(href);
        onClick?.(event);
      }}
    />
  );
}

/** One of eight grounds, by the name: the same person always has the same one. */
const hueOf = (name: string): number =>
  [...name].reduce((sum, letter) => (sum * 31 + (letter.codePointAt(0) ?? 0)) % 8, 7);

export const Avatar = ({ name, isThere }: { readonly name: string; readonly isThere?: boolean }) => (
  <span class={`avatar hue-${hueOf(name)}`} aria-hidden="true">
    {initials(name)}
    {isThere !== undefined && <span class={isThere ? 'dot on' : 'dot'} />}
  </span>
);

const PRIORITIES: Readonly<Record<Priority, { readonly label: string; readonly icon: IconName | null }>> = {
  urgent: { label: 'Urgent', icon: 'urgent' },
  high: { label: 'High', icon: 'high' },
  normal: { label: 'Normal', icon: null },
  low: { label: 'Low', icon: 'low' },
};
export const PRIORITY_NAMES: readonly Priority[] = ['urgent', 'high', 'normal', 'low'];
export const priorityLabel = (priority: Priority): string => PRIORITIES[priority].label;

export function PriorityMark({ priority }: { readonly priority: Priority | undefined }) {
  if (!priority || priority === 'normal') return null;
  const { label, icon } = PRIORITIES[priority];
  return (
    <span class={`priority ${priority}`} title={`Priority: ${label}`}>
      {icon && <Icon name={icon} />}
      <span>{label}</span>
    </span>
  );
}

export function Tags({ tags, most }: { readonly tags: readonly string[] | undefined; readonly most: number }) {
  if (!tags || tags.length === 0) return null;
  const more = tags.length - most;
  return (
    <span class="tags">
      {tags.slice(0, most).map((tag) => (
        <span key={tag} class="tag">
          {tag}
        </span>
      ))}
      {more > 0 && (
        <span class="tag more" title={tags.slice(most).join(', ')}>
          +{more}
          <span class="visually-hidden"> more tags</span>
        </span>
      )}
    </span>
  );
}

/** What a view shows where it has nothing to show. */
export const Empty = ({
  icon,
  title,
  children,
}: {
  readonly icon: IconName;
  readonly title: string;
  readonly children?: ComponentChildren;
}) => (
  <div class="empty">
    <span class="empty-icon">
      <Icon name={icon} />
    </span>
    <p class="empty-title">{title}</p>
    {children && <div class="empty-text">{children}</div>}
  </div>
);

/** What a view shows where it could not be read: what went wrong, and a way on. */
export const Failed = ({
  failure,
  onRetry,
  children,
}: {
  readonly failure: Pick<Failure, 'said' | 'requestId'>;
  readonly onRetry?: () => void;
  /** What else can be done. */
  readonly children?: ComponentChildren;
}) => (
  <div class="empty failed" role="alert">
    <span class="empty-icon">
      <Icon name="warning" />
    </span>
    <p class="empty-title">{failure.said}</p>
    {failure.requestId && <p class="empty-text">Request {failure.requestId}</p>}
    {onRetry && (
      <button type="button" class="button" onClick={onRetry}>
        Try again
      </button>
    )}
    {children}
  </div>
);

/** Keeps the room of what is on its way, from the first moment; it shows only where that takes longer than 200 ms. */
export const Skeleton = ({
  rows,
  kind = 'row',
}: {
  readonly rows: number;
  readonly kind?: 'row' | 'line' | 'bubble';
}) => (
  <div class="skeletons" role="status">
    <span class="visually-hidden">Loading …</span>
    {Array.from({ length: rows }, (_, at) => (
      <div key={at} class={`skeleton ${kind}`} aria-hidden="true" />
    ))}
  </div>
);

/** Whether the window is as wide as this, now and later. */
export function useMedia(query: string): boolean {
  const [matches, setMatches] = useState(() => matchMedia(query).matches);
  useEffect(() => {
    const list = matchMedia(query);
    const changed = () => setMatches(list.matches);
    changed();
    list.addEventListener('change', changed);
    return () => list.removeEventListener('change', changed);
  }, [query]);
  return matches;
}

/** What a list says while somebody is in it. The words lie over the list's foot and take no clicks, so no row moves or is missed. */
export const ListSaid = ({ children }: { readonly children: string | false }) => (
  <p class="list-said" role="status">
    {children}
  </p>
);
export const LIST_CHANGED = 'The list has changed. It is sorted once you leave it.';

/** The state of a list that was read some time ago. */
export const ListStatus = ({
  children,
  isLoading,
  onRefresh,
}: {
  readonly children: ComponentChildren;
  readonly isLoading: boolean;
  readonly onRefresh: () => void;
}) => (
  <p class="list-status">
    <span>{children}</span>
    <button
      type="button"
      class={isLoading ? 'icon-button dense turning' : 'icon-button dense'}
      aria-label="Refresh"
      title="Refresh"
      onClick={onRefresh}
    >
      <Icon name="refresh" />
    </button>
  </p>
);
