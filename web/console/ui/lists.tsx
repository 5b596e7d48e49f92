import type { ComponentChildren } from 'preact';
import { clockTime } from '../app/format.ts';
import type { PagedList } from '../app/pagedList.ts';
import { Failed, ListStatus, Skeleton } from './parts.tsx';

type AnyList = PagedList<{ readonly id: string }>;

/** The state of a list that has its newest first. What failed after it was first read is said here, beside what is shown. */
export const NewestFirst = ({
  list,
}: {
  readonly list: Pick<AnyList, 'isLoading' | 'readAt' | 'refresh' | 'failure'>;
}) => (
  <>
    <ListStatus isLoading={list.isLoading.value} onRefresh={() => void list.refresh()}>
      Newest first{list.readAt.value === null ? '' : `, as of ${clockTime(list.readAt.value)}`}
    </ListStatus>
    {list.readAt.value !== null && list.failure.value !== null && (
      <p class="list-said failed" role="alert">
        <span>Not read on. {list.failure.value.said}</span>
        <button type="button" class="text-button" onClick={() => void list.refresh()}>
          Try again
        </button>
      </p>
    )}
  </>
);

interface ListBodyProps {
  readonly list: Pick<AnyList, 'failure' | 'readAt'>;
  /** How many rows to keep room for while the list is read for the first time. */
  readonly rows: number;
  readonly onRetry: () => void;
  readonly children: ComponentChildren;
}

/** What a list shows once it has been read; before that, that it is read, or could not be. */
export function ListBody({ list, rows, onRetry, children }: ListBodyProps) {
  if (list.readAt.value !== null) return children;
  if (list.failure.value) return <Failed failure={list.failure.value} onRetry={onRetry} />;
  return <Skeleton rows={rows} kind="line" />;
}
