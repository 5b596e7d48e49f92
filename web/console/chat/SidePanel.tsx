import { useId, useState } from 'preact/hooks';
import type { AnyConversation, Note, Priority } from '../../../client/src/index.ts';
import { type Failure, failureOf } from '../app/errors.ts';
import { dateTime, span } from '../app/format.ts';
import { Icon } from '../ui/Icon.tsx';
import { Avatar, PRIORITY_NAMES, priorityLabel } from '../ui/parts.tsx';

export interface Edit {
  readonly priority?: Priority;
  readonly addTags?: string[];
  readonly removeTags?: string[];
}

interface SidePanelProps {
  readonly conversation: AnyConversation;
  readonly notes: readonly Note[];
  readonly notesFailure: Failure | null;
  readonly onReloadNotes: () => void;
  /** Rejects where it was refused. */
  readonly onEdit: (edit: Edit) => Promise<void>;
  /** Why nothing can be changed; `null` where it can. */
  readonly cant: string | null;
}

const MOST_TAGS = 10;
const STARS = [1, 2, 3, 4, 5];

/** Whom one talks to, and what the staff note of it. */
export function SidePanel({ conversation, notes, notesFailure, onReloadNotes, onEdit, cant }: SidePanelProps) {
  const { candidate, context, rating } = conversation;
  return (
    <div class="panel-content">
      <section aria-label="Customer" class="panel-customer">
        <Avatar name={candidate.name} />
        <div>
          <h3 dir="auto">{candidate.name}</h3>
          <p>{'email' in candidate && candidate.email ? candidate.email : 'No address known'}</p>
        </div>
      </section>
      <Priorities key={`${conversation.id}-priority`} conversation={conversation} onEdit={onEdit} cant={cant} />
      <TagEditor key={`${conversation.id}-tags`} conversation={conversation} onEdit={onEdit} cant={cant} />
      {cant !== null && <p class="stale-line">{cant}</p>}
      <section aria-label="Times">
        <h3>Conversation</h3>
        <dl class="facts">
          <Fact name="Status">
            {{ open: 'Waiting', assigned: 'In progress', closed: 'Closed' }[conversation.status]}
          </Fact>
          <Fact name="With">{conversation.agent?.name ?? '–'}</Fact>
          <Fact name="Opened">{dateTime(conversation.createdAt)}</Fact>
          {conversation.firstResponseAt && (
            <Fact name="First answer">
              after {span(secondsBetween(conversation.createdAt, conversation.firstResponseAt))}
            </Fact>
          )}
          {conversation.closedAt && <Fact name="Closed">{dateTime(conversation.closedAt)}</Fact>}
          {(conversation.requeues ?? 0) > 0 && <Fact name="Went back">{conversation.requeues}×</Fact>}
        </dl>
      </section>
      {rating && (
        <section aria-label="Rating">
          <h3>Rating</h3>
          <p class="stars" role="img" aria-label={`${rating.score} of 5 stars`}>
            {STARS.map((star) => (
              <span key={star} class={star <= rating.score ? 'on' : ''}>
                <Icon name="star" />
              </span>
            ))}
          </p>
          {rating.comment && (
            <p class="rating-comment" dir="auto">
              {rating.comment}
            </p>
          )}
        </section>
      )}
      {context && Object.keys(context).length > 0 && (
        <section aria-label="Context">
          <h3>Context</h3>
          <p class="panel-hint">As the customer’s page says. Not verified.</p>
          <dl class="facts">
            {Object.entries(context).map(([key, value]) => (
              <Fact key={key} name={key}>
                {value}
              </Fact>
            ))}
          </dl>
        </section>
      )}
      <section aria-label="Notes">
        <h3>Notes{notes.length > 0 ? ` (${notes.length})` : ''}</h3>
        {notesFailure ? (
          <p class="panel-hint">
            {notesFailure.said}{' '}
            <button type="button" class="text-button" onClick={onReloadNotes}>
              Try again
            </button>
          </p>
        ) : notes.length === 0 ? (
          <p class="panel-hint">None yet. Only your team sees notes.</p>
        ) : (
          <ul class="panel-notes">
            {notes.map((note) => (
              <li key={note.id}>
                <p class="panel-note-head">
                  <bdi>{note.authorName}</bdi> · {dateTime(note.createdAt)}
                </p>
                <p dir="auto">{note.content}</p>
              </li>
            ))}
          </ul>
        )}
      </section>
    </div>
  );
}

const secondsBetween = (from: string, to: string): number => (Date.parse(to) - Date.parse(from)) / 1000;

const Fact = ({ name, children }: { readonly name: string; readonly children: preact.ComponentChildren }) => (
  <div>
    <dt>{name}</dt>
    <dd dir="auto">{children}</dd>
  </div>
);

type EditProps = Pick<SidePanelProps, 'conversation' | 'onEdit' | 'cant'>;

function Priorities({ conversation, onEdit, cant }: EditProps) {
  const [error, setError] = useState<string | null>(null);
  const group = useId();
  return (
    <fieldset class="panel-group">
      <legend>Priority</legend>
      <div class="segments">
        {PRIORITY_NAMES.map((priority) => (
          <label key={priority}>
            <input
              type="radio"
              name={group}
              checked={conversation.priority === priority}
              disabled={cant !== null}
              onChange={() => {
                setError(null);
                onEdit({ priority }).catch((thrown: unknown) => setError(failureOf(thrown).said));
              }}
            />
            <span>{priorityLabel(priority)}</span>
          </label>
        ))}
      </div>
      {error && (
        <p class="error" role="alert">
          {error}
        </p>
      )}
    </fieldset>
  );
}

function TagEditor({ conversation, onEdit, cant }: EditProps) {
  const [text, setText] = useState('');
  const [error, setError] = useState<string | null>(null);
  const tags = conversation.tags ?? [];
  const add = async () => {
    const tag = text.trim().toLowerCase().replaceAll(/\s+/g, '-');
    if (tag === '') return;
    if (!/^[a-z0-9][a-z0-9_-]{0,31}$/.test(tag)) {
      return setError('A tag has letters a to z, digits, - and _: 32 at most.');
    }
    if (tags.includes(tag)) return setText('');
    if (tags.length >= MOST_TAGS) return setError(`At most ${MOST_TAGS} tags.`);
    try {
      await onEdit({ addTags: [tag] });
      setText('');
      setError(null);
    } catch (thrown) {
      setError(failureOf(thrown).said);
    }
  };
  return (
    <section aria-label="Tags" class="panel-group">
      <h3>Tags</h3>
      <ul class="tag-list">
        {tags.map((tag) => (
          <li key={tag} class="tag">
            {tag}
            <button
              type="button"
              aria-label={`Remove the tag ${tag}`}
              disabled={cant !== null}
              onClick={() => onEdit({ removeTags: [tag] }).catch((thrown: unknown) => setError(failureOf(thrown).said))}
            >
              <Icon name="close" />
            </button>
          </li>
        ))}
      </ul>
      <form
        class="tag-form"
        onSubmit={(event) => {
          event.preventDefault();
          void add();
        }}
      >
        <input
          value={text}
          placeholder="Add a tag"
          aria-label="Add a tag"
          aria-invalid={error ? 'true' : undefined}
          maxLength={40}
          onInput={({ currentTarget }) => {
            setText(currentTarget.value);
            setError(null);
          }}
        />
        <button type="submit" class="icon-button" aria-label="Add" disabled={text.trim() === '' || cant !== null}>
          <Icon name="plus" />
        </button>
      </form>
      {error && (
        <p class="error" role="alert">
          {error}
        </p>
      )}
    </section>
  );
}
