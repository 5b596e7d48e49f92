import { useId, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { AnyConversation } from '../../../client/src/index.ts';
import { cant } from '../app/cant.ts';
import { useDesk } from '../app/desk.ts';
import { Dialog } from '../ui/Dialog.tsx';
import { Avatar, Empty, Failed } from '../ui/parts.tsx';
import type { Teammate } from './lobby.ts';
import { Availability, Load } from './TeamPanel.tsx';
import { useTeamInPlace } from './useTeamInPlace.ts';

interface AssignDialogProps {
  readonly conversation: AnyConversation;
  readonly onClose: () => void;
  readonly onGiven?: (conversation: AnyConversation) => void;
}

/** To whom? Typing filters, arrows move, Enter gives: two gestures with the mouse as with the keys. */
export function AssignDialog({ conversation, onClose, onGiven }: AssignDialogProps) {
  const { lobby } = useDesk();
  const [text, setText] = useState('');
  const [chosen, setChosen] = useState<string | null>(null);
  // Nobody moves under the pointer, or under the keys.
  const team = useTeamInPlace(lobby?.team.value ?? [], true);
  const [isBusy, setBusy] = useState(false);
  const id = useId();
  const field = useRef<HTMLInputElement>(null);
  useLayoutEffect(() => field.current?.focus(), []);
  if (!lobby) return null;
  const found = team
    .filter(({ user }) => user.id !== conversation.agentId)
    .filter(({ user }) => user.name.toLowerCase().includes(text.trim().toLowerCase()));
  const at = Math.max(
    0,
    found.findIndex(({ user }) => user.id === chosen),
  );
  const give = async (mate: Teammate | undefined) => {
    if (!mate || isBusy || cant.value !== null) return;
    setBusy(true);
    if (await lobby.assign(conversation, mate.user)) onGiven?.(conversation);
    onClose();
  };
  const failure = lobby.teamFailure.value;
  return (
    <Dialog
      title={conversation.status === 'open' ? 'Assign' : 'Give to somebody else'}
      onClose={onClose}
      class="assign"
    >
      <p class="assign-what">
        <bdi>{conversation.candidate.name}</bdi>: <bdi>{conversation.subject}</bdi>
      </p>
      {cant.value !== null && (
        <p class="stale-line" role="status">
          {cant.value}
        </p>
      )}
      <input
        ref={field}
        class="assign-search"
        role="combobox"
        aria-expanded="true"
        aria-controls={`${id}-list`}
        aria-activedescendant={found.length > 0 ? `${id}-${at}` : undefined}
        aria-label="Search an agent"
        placeholder="Search your team"
        value={text}
        onInput={({ currentTarget }) => {
          setText(currentTarget.value);
          setChosen(null);
        }}
        onKeyDown={(event) => {
          const move = { ArrowDown: 1, ArrowUp: -1 }[event.key];
          if (event.isComposing || found.length === 0) return;
          if (move !== undefined) setChosen(found[(at + move + found.length) % found.length]?.user.id ?? null);
          else if (event.key === 'Enter') void give(found[at]);
          else return;
          event.preventDefault();
        }}
      />
      {failure && team.length === 0 ? (
        <Failed failure={failure} onRetry={() => void lobby.loadTeam()} />
      ) : found.length === 0 ? (
        <Empty icon="people" title={team.length === 0 ? 'You have no active agents' : 'No agent is called so'} />
      ) : (
        <div id={`${id}-list`} class="assign-list" role="listbox" aria-label="Agents">
          {found.map((mate, index) => (
            // biome-ignore lint/a11y/useKeyWithClickEvents: the keys are the search field's.
            <div
              key={mate.user.id}
              id={`${id}-${index}`}
              role="option"
              tabIndex={-1}
              aria-selected={index === at}
              aria-disabled={isBusy || cant.value !== null}
              onMouseDown={(event) => event.preventDefault()}
              onClick={() => void give(mate)}
            >
              <Avatar name={mate.user.name} />
              <span class="assign-name" dir="auto">
                {mate.user.name}
              </span>
              <Availability user={mate.user} />
              <Load mate={mate} />
            </div>
          ))}
        </div>
      )}
    </Dialog>
  );
}
