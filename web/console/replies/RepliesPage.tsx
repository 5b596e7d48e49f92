import { useEffect, useState } from 'preact/hooks';
import type { Reply, ReplyScope, Role } from '../../../client/src/index.ts';
import { useDesk } from '../app/desk.ts';
import { failureOf } from '../app/errors.ts';
import { tell } from '../app/notices.ts';
import { fill } from '../app/text.ts';
import { Ask, Dialog } from '../ui/Dialog.tsx';
import { DialogActions, Field, Refused, TextField, useFirstFault, useSubmitting } from '../ui/forms.tsx';
import { Icon } from '../ui/Icon.tsx';
import { ListBody } from '../ui/lists.tsx';
import { Empty } from '../ui/parts.tsx';

const SCOPES: Readonly<Record<ReplyScope, string>> = { own: 'Mine', team: 'My team’s', all: 'Everybody’s' };
const mayWrite = (role: Role, scope: ReplyScope): boolean =>
  scope === 'own' || (scope === 'team' ? role === 'supervisor' : role === 'admin');

/** Canned replies: what one writes often, found by a shortcut. */
export default function RepliesPage() {
  const { client, user, replies } = useDesk();
  const [editing, setEditing] = useState<Reply | 'new' | null>(null);
  const [deleting, setDeleting] = useState<Reply | null>(null);
  useEffect(() => void replies.all(1_000), [replies]);
  const items = [...replies.items.value].sort((a, b) => a.shortcut.localeCompare(b.shortcut));
  return (
    <div class="page scrolling replies">
      <header class="page-head">
        <h1>Canned replies</h1>
        <button type="button" class="button primary" onClick={() => setEditing('new')}>
          <Icon name="plus" /> New reply
        </button>
      </header>
      <p class="page-said">
        In a conversation, type <kbd>/</kbd> and the shortcut.
      </p>
      <ListBody list={replies} rows={5} onRetry={() => void replies.all(1_000)}>
        {items.length === 0 ? (
          <Empty icon="replies" title="There are no canned replies yet">
            What you write often need not be written again.
          </Empty>
        ) : (
          <ul class="reply-list">
            {items.map((reply) => (
              <li key={reply.id}>
                <div class="reply-head">
                  <kbd>/{reply.shortcut}</kbd>
                  <h2 dir="auto">{reply.title}</h2>
                  <span class="tag">{SCOPES[reply.scope]}</span>
                  {mayWrite(user.role, reply.scope) && (
                    <span class="reply-actions">
                      <button
                        type="button"
                        class="text-button"
                        aria-label={`Edit ${reply.title}`}
                        onClick={() => setEditing(reply)}
                      >
                        Edit
                      </button>
                      <button
                        type="button"
                        class="text-button"
                        aria-label={`Delete ${reply.title}`}
                        onClick={() => setDeleting(reply)}
                      >
                        Delete
                      </button>
                    </span>
                  )}
                </div>
                <p dir="auto">{reply.content}</p>
              </li>
            ))}
          </ul>
        )}
      </ListBody>
      {editing && (
        <ReplyDialog
          reply={editing === 'new' ? null : editing}
          role={user.role}
          onClose={() => setEditing(null)}
          onSave={async (values) => {
            const { scope, ...body } = values;
            replies.put(
              editing === 'new'
                ? await client.http.createReply({ body: values })
                : await client.http.updateReply({ params: { replyId: editing.id }, body }),
            );
            setEditing(null);
            tell(`/${body.shortcut} is saved.`);
          }}
        />
      )}
      {deleting && (
        <Ask
          title={`Delete /${deleting.shortcut}?`}
          yes="Delete"
          isDangerous
          onClose={() => setDeleting(null)}
          onYes={() => {
            const { id } = deleting;
            setDeleting(null);
            client.http.deleteReply({ params: { replyId: id } }).then(
              () => replies.remove(id),
              (thrown: unknown) => tell(failureOf(thrown).said, 'bad'),
            );
          }}
        >
          <p>{deleting.scope === 'own' ? 'You lose it.' : 'Everybody who uses it loses it.'}</p>
        </Ask>
      )}
    </div>
  );
}

interface Values {
  readonly shortcut: string;
  readonly title: string;
  readonly content: string;
  readonly scope: ReplyScope;
}

interface ReplyDialogProps {
  readonly reply: Reply | null;
  readonly role: Role;
  readonly onClose: () => void;
  readonly onSave: (values: Values) => Promise<void>;
}

function ReplyDialog({ reply, role, onClose, onSave }: ReplyDialogProps) {
  const [values, setValues] = useState<Values>(reply ?? { shortcut: '', title: '', content: '', scope: 'own' });
  const { failure, isBusy, submit } = useSubmitting();
  const form = useFirstFault(failure?.fields);
  const set = (change: Partial<Values>) => setValues({ ...values, ...change });
  const scopes = (Object.keys(SCOPES) as ReplyScope[]).filter((scope) => mayWrite(role, scope));
  return (
    <Dialog title={reply ? 'Edit the reply' : 'New reply'} onClose={onClose}>
      <form
        ref={form}
        class="form"
        noValidate
        onSubmit={(event) => {
          const { shortcut, title, content, scope } = values;
          submit(event, () => onSave({ shortcut, title, content, scope }));
        }}
      >
        <TextField
          label="Shortcut"
          error={failure?.fields['shortcut']}
          hint="What is typed after the /: a to z, digits, - and _."
          value={values.shortcut}
          autocomplete="off"
          onValue={(shortcut) => set({ shortcut })}
        />
        <TextField
          label="Title"
          error={failure?.fields['title']}
          value={values.title}
          onValue={(title) => set({ title })}
        />
        <Field
          label="Text"
          error={failure?.fields['content']}
          hint="{{customer.name}}, {{agent.name}} and {{conversation.subject}} are filled in, and can be seen before it is sent."
        >
          {(attributes) => (
            <textarea
              {...attributes}
              dir="auto"
              value={values.content}
              onInput={({ currentTarget }) => set({ content: currentTarget.value })}
            />
          )}
        </Field>
        {values.content.includes('{{') && (
          <p class="reply-preview" dir="auto">
            {fill(values.content, {
              'customer.name': 'Kim Miller',
              'customer.email': 'kim@example.com',
              'agent.name': 'You',
              'conversation.subject': 'My order',
            })}
          </p>
        )}
        {reply === null && scopes.length > 1 && (
          <Field label="Whose" error={failure?.fields['scope']}>
            {(attributes) => (
              <select
                {...attributes}
                value={values.scope}
                onChange={({ currentTarget }) => set({ scope: currentTarget.value as ReplyScope })}
              >
                {scopes.map((scope) => (
                  <option key={scope} value={scope}>
                    {SCOPES[scope]}
                  </option>
                ))}
              </select>
            )}
          </Field>
        )}
        <Refused failure={failure} />
        <DialogActions onClose={onClose}>
          <button type="submit" class="button primary" disabled={isBusy}>
            Save
          </button>
        </DialogActions>
      </form>
    </Dialog>
  );
}
