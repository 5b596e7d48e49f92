import { useState } from 'preact/hooks';
import { askToNotify, tryRing } from '../app/attention.ts';
import { useDesk } from '../app/desk.ts';
import { type Failure, failureOf } from '../app/errors.ts';
import { tell } from '../app/notices.ts';
import { prefer, preferences, type Theme } from '../app/preferences.ts';
import { Refused, TextField, useFirstFault } from '../ui/forms.tsx';

const THEMES: Readonly<Record<Theme, string>> = { system: 'As the system', light: 'Light', dark: 'Dark' };

/** How this browser looks and calls, and one's own password. */
export default function SettingsPage() {
  const { theme, sound, notifications } = preferences.value;
  return (
    <div class="page scrolling settings">
      <header class="page-head">
        <h1>Settings</h1>
      </header>
      <fieldset class="panel-group setting">
        <legend>Theme</legend>
        <div class="segments">
          {(Object.keys(THEMES) as Theme[]).map((name) => (
            <label key={name}>
              <input type="radio" name="theme" checked={theme === name} onChange={() => prefer({ theme: name })} />
              <span>{THEMES[name]}</span>
            </label>
          ))}
        </div>
      </fieldset>
      <fieldset class="setting">
        <legend>When something new comes</legend>
        <label class="check">
          <input
            type="checkbox"
            checked={sound}
            onChange={({ currentTarget }) => {
              prefer({ sound: currentTarget.checked });
              if (currentTarget.checked) tryRing();
            }}
          />
          <span>
            Play a sound
            <small>Never for the conversation you are looking at.</small>
          </span>
        </label>
        <label class="check">
          <input
            type="checkbox"
            checked={notifications}
            onChange={async ({ currentTarget }) => {
              const wanted = currentTarget.checked;
              const may = wanted && (await askToNotify());
              prefer({ notifications: may });
              currentTarget.checked = may;
              if (wanted && !may) tell('The browser doesn’t allow notifications for this page.', 'bad');
            }}
          />
          <span>
            Show a notification
            <small>With the subject and no text of a message, while you look elsewhere.</small>
          </span>
        </label>
      </fieldset>
      <PasswordForm />
    </div>
  );
}

function PasswordForm() {
  const { client, user } = useDesk();
  const [current, setCurrent] = useState('');
  const [next, setNext] = useState('');
  const [failure, setFailure] = useState<Failure | null>(null);
  const [isBusy, setBusy] = useState(false);
  const form = useFirstFault(failure?.fields);
  const change = async () => {
    setBusy(true);
    setFailure(null);
    try {
      await client.http.changePassword({ body: { currentPassword: current, newPassword: next } });
      setCurrent('');
      setNext('');
      tell('The password is changed. Your other sessions have ended.');
    } catch (thrown) {
      const refused = failureOf(thrown);
      const isWrong = refused.said === 'Address or password is wrong.';
      setFailure(isWrong ? { ...refused, fields: { currentPassword: 'This isn’t your password.' } } : refused);
    } finally {
      setBusy(false);
    }
  };
  return (
    <form
      ref={form}
      class="form setting"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        void change();
      }}
    >
      <h2>Password</h2>
      <input type="hidden" name="username" autocomplete="username" value={user.email ?? ''} />
      <TextField
        label="Current password"
        error={failure?.fields['currentPassword']}
        type="password"
        autocomplete="current-password"
        value={current}
        onValue={setCurrent}
      />
      <TextField
        label="New password"
        error={failure?.fields['newPassword']}
        hint="8 to 128 characters. Your other sessions end."
        type="password"
        autocomplete="new-password"
        value={next}
        onValue={setNext}
      />
      <Refused failure={failure} />
      <div>
        <button type="submit" class="button" disabled={isBusy || current === '' || next === ''}>
          Change the password
        </button>
      </div>
    </form>
  );
}
