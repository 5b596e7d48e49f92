import { useState } from 'preact/hooks';
import type { User } from '../../../client/src/index.ts';
import { cant, cantBriefly } from '../app/cant.ts';
import type { Failure } from '../app/errors.ts';
import { failureOf } from '../app/errors.ts';
import { isolate } from '../app/text.ts';
import { Dialog } from '../ui/Dialog.tsx';
import { DialogActions, Save, TextField } from '../ui/forms.tsx';
import { Icon } from '../ui/Icon.tsx';
import { Menu } from '../ui/Menu.tsx';
import { Avatar, Empty, Failed, Skeleton } from '../ui/parts.tsx';
import type { Teammate } from './lobby.ts';
import { useTeamInPlace } from './useTeamInPlace.ts';

export const Availability = ({ user }: { readonly user: User }) => {
  const isAvailable = user.availability === 'available';
  return (
    <span class={isAvailable ? 'availability on' : 'availability'}>
      <span class="state-dot" aria-hidden="true" />
      {isAvailable ? 'Available' : 'Away'}
    </span>
  );
};

/** `3/5`, and a bar. Full is said by more than a colour. */
export function Load({ mate: { user, load } }: { readonly mate: Teammate }) {
  const most = user.maxConversations ?? 0;
  if (load === null) return <span class="load">–/{most}</span>;
  const isFull = load >= most;
  return (
    <span
      class={isFull ? 'load full' : 'load'}
      title={isFull ? 'Full: by hand more can be given' : `Room for ${most - load}`}
    >
      <span class="load-bar" aria-hidden="true">
        <span style={{ inlineSize: `${most === 0 ? 100 : Math.min(100, (100 * load) / most)}%` }} />
      </span>
      <span>
        {load}/{most}
        {isFull && <span class="load-word"> full</span>}
      </span>
    </span>
  );
}

interface TeamPanelProps {
  readonly team: readonly Teammate[];
  readonly isLoaded: boolean;
  readonly failure: Failure | null;
  readonly onRetry: () => void;
  /** Whether something that can be dropped is under way. */
  readonly isDragging: boolean;
  readonly onDrop: ((agent: User) => void) | null;
  readonly onSendAway: ((agent: User) => void) | null;
  /** Rejects where it was refused. */
  readonly onCapacity: (agent: User, capacity: number) => Promise<void>;
}

/** Who is there for what waits, with how much they hold. A waiting conversation can be dropped on somebody. */
export function TeamPanel(props: TeamPanelProps) {
  const { team, isLoaded, failure, onRetry, isDragging, onDrop, onSendAway, onCapacity } = props;
  const [over, setOver] = useState<string | null>(null);
  const [changing, setChanging] = useState<User | null>(null);
  // Nobody moves away under what is dragged.
  const shown = useTeamInPlace(team, isDragging);
  const available = team.filter(({ user }) => user.availability === 'available').length;
  return (
    <section class={isDragging ? 'team dragging' : 'team'} aria-label="Team">
      <header class="team-head">
        <h2>Team</h2>
        {isLoaded && team.length > 0 && (
          <p>
            {available} of {team.length} available
          </p>
        )}
      </header>
      {!isLoaded && failure ? (
        <Failed failure={failure} onRetry={onRetry} />
      ) : !isLoaded ? (
        <Skeleton rows={4} kind="line" />
      ) : team.length === 0 ? (
        <Empty icon="people" title="No active agents">
          An admin makes agents, and puts them into a team.
        </Empty>
      ) : (
        <ul class="team-list">
          {shown.map((mate) => {
            const { user } = mate;
            return (
              <li
                key={user.id}
                class={over === user.id ? 'mate over' : 'mate'}
                onDragOver={(event) => {
                  if (!onDrop || !isDragging) return;
                  event.preventDefault();
                  setOver(user.id);
                }}
                onDragLeave={() => setOver(null)}
                onDrop={(event) => {
                  event.preventDefault();
                  setOver(null);
                  onDrop?.(user);
                }}
              >
                <Avatar name={user.name} isThere={user.availability === 'available'} />
                <span class="mate-main">
                  <span class="mate-name" dir="auto">
                    {user.name}
                  </span>
                  <Availability user={user} />
                </span>
                <Load mate={mate} />
                <Menu
                  label={`More about ${user.name}`}
                  class="icon-button dense"
                  items={[
                    {
                      label: 'Change the capacity',
                      icon: 'settings',
                      isDisabled: cant.value !== null,
                      hint: cantBriefly.value,
                      onSelect: () => setChanging(user),
                    },
                    ...(onSendAway
                      ? [
                          {
                            label: 'Send away',
                            icon: 'leave' as const,
                            isDisabled: user.availability !== 'available' || cant.value !== null,
                            hint: user.availability === 'available' ? cantBriefly.value : 'is away',
                            onSelect: () => onSendAway(user),
                          },
                        ]
                      : []),
                  ]}
                >
                  <Icon name="more" />
                </Menu>
              </li>
            );
          })}
        </ul>
      )}
      {changing && (
        <CapacityDialog
          user={changing}
          onClose={() => setChanging(null)}
          onSave={async (capacity) => {
            await onCapacity(changing, capacity);
            setChanging(null);
          }}
        />
      )}
    </section>
  );
}

interface CapacityDialogProps {
  readonly user: User;
  readonly onClose: () => void;
  readonly onSave: (capacity: number) => Promise<void>;
}

export function CapacityDialog({ user, onClose, onSave }: CapacityDialogProps) {
  const [value, setValue] = useState(String(user.maxConversations ?? 5));
  const [error, setError] = useState<string | undefined>();
  const [isBusy, setBusy] = useState(false);
  return (
    <Dialog title={`Capacity of ${isolate(user.name)}`} onClose={onClose}>
      <form
        class="form"
        noValidate
        onSubmit={async (event) => {
          event.preventDefault();
          const capacity = Number(value);
          if (value.trim() === '' || !Number.isInteger(capacity) || capacity < 0 || capacity > 100) {
            return setError('A whole number from 0 to 100.');
          }
          setBusy(true);
          try {
            await onSave(capacity);
          } catch (thrown) {
            const failure = failureOf(thrown);
            setError(failure.fields['maxConversations'] ?? failure.said);
          } finally {
            setBusy(false);
          }
        }}
      >
        <TextField
          label="Conversations at once"
          error={error}
          hint="What is given automatically stops there. By hand more can be given; nothing is taken away."
          inputMode="numeric"
          value={value}
          onValue={setValue}
        />
        <DialogActions onClose={onClose}>
          <Save isBusy={isBusy} />
        </DialogActions>
      </form>
    </Dialog>
  );
}
