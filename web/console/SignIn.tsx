import { useRef, useState } from 'preact/hooks';
import type { AnswerOf } from '../../lib/protocol/client.ts';
import { call, Refusal, Unreachable } from '../shared/api.ts';
import icon from '../shared/icon.svg';

interface Failure {
  readonly said: string;
  readonly fields: Readonly<Record<string, string>>;
}

const failureOf = (thrown: unknown): Failure => {
  if (thrown instanceof Refusal && thrown.code === 'INVALID_CREDENTIALS') {
    return { said: 'Address or password is wrong.', fields: {} };
  }
  if (thrown instanceof Refusal) return { said: thrown.message, fields: thrown.fields };
  if (thrown instanceof Unreachable) return { said: thrown.message, fields: {} };
  throw thrown;
};

export function SignIn({ onSignedIn }: { readonly onSignedIn: (session: AnswerOf<'login'>) => void }) {
  const [failure, setFailure] = useState<Failure | null>(null);
  const [busy, setBusy] = useState(false);
  const email = useRef<HTMLInputElement>(null);
  const password = useRef<HTMLInputElement>(null);

  const signIn = async (event: SubmitEvent) => {
    event.preventDefault();
    setBusy(true);
    setFailure(null);
    try {
      onSignedIn(
        await call('POST /auth/login', {
          body: { email: email.current?.value ?? '', password: password.current?.value ?? '' },
        }),
      );
    } catch (thrown) {
      setFailure(failureOf(thrown));
      setBusy(false);
      email.current?.focus();
    }
  };

  const invalid = (field: string) => failure?.fields[field];
  return (
    <main class="sign-in">
      <div class="panel">
        <h1>
          <img src={icon} alt="" width="32" height="32" /> Live Support
        </h1>
        <form onSubmit={signIn} noValidate>
          <div class="field">
            <label for="email">E-mail</label>
            <input
              ref={email}
              id="email"
              name="email"
              type="email"
              autocomplete="username"
              required
              aria-invalid={invalid('email') ? 'true' : undefined}
              aria-describedby={invalid('email') ? 'email-error' : undefined}
            />
            {invalid('email') && (
              <p id="email-error" class="error">
                The address {invalid('email')}.
              </p>
            )}
          </div>
          <div class="field">
            <label for="password">Password</label>
            <input
              ref={password}
              id="password"
              name="password"
              type="password"
              autocomplete="current-password"
              required
              aria-invalid={invalid('password') ? 'true' : undefined}
              aria-describedby={invalid('password') ? 'password-error' : undefined}
            />
            {invalid('password') && (
              <p id="password-error" class="error">
                The password {invalid('password')}.
              </p>
            )}
          </div>
          {failure && Object.keys(failure.fields).length === 0 && (
            <p class="refusal" role="alert">
              {failure.said}
            </p>
          )}
          <button type="submit" class="button primary" disabled={busy}>
            {busy ? 'Signing in …' : 'Sign in'}
          </button>
        </form>
      </div>
    </main>
  );
}
