import { lazy, Suspense } from 'preact/compat';
import { useEffect, useState } from 'preact/hooks';
import { isLiveSupportError } from '../../../client/src/index.ts';
import icon from '../../shared/icon.svg';
import { site } from '../../shared/site.ts';
import { client, hasEnded } from '../app/client.ts';
import { isLocal } from '../app/router.ts';
import { Refusal, Refused, TextField, useFirstFault, useSubmitting } from '../ui/forms.tsx';

const DemoPeople = isLocal ? lazy(() => import('../demo/DemoPeople.tsx')) : null;

type Step = 'signIn' | 'forgot' | 'sent' | 'reset' | 'done';

/** The token of a link by which one sets a new password. It is in the fragment, which no server is told. */
export const tokenOf = (hash: string): string | null => /^#(?:token|reset)=(.+)$/.exec(hash)?.[1] ?? null;

/** Signing in, and what to do without the password. */
export function SignIn({ onLeft }: { readonly onLeft?: () => void }) {
  const [token] = useState(() => tokenOf(location.hash));
  const [step, setStep] = useState<Step>(token === null ? 'signIn' : 'reset');
  const [email, setEmail] = useState('');
  // A link is for one use: neither the history nor a reload has it.
  useEffect(() => {
    if (token !== null) history.replaceState(null, '', location.pathname + location.search);
  }, [token]);
  return (
    <main class="sign-in">
      <div class="sign-in-card">
        <p class="brand">
          <img src={icon} alt="" width="32" height="32" /> Live Support
        </p>
        {step === 'signIn' && <Credentials email={email} onEmail={setEmail} onForgot={() => setStep('forgot')} />}
        {step === 'forgot' && (
          <Forgot email={email} onEmail={setEmail} onSent={() => setStep('sent')} onBack={() => setStep('signIn')} />
        )}
        {step === 'sent' && (
          <Said title="Look at your mail" onBack={() => setStep('signIn')}>
            If {email} signs in here, a link is on its way. It works for 30 minutes.
          </Said>
        )}
        {step === 'reset' && token !== null && (
          <Reset token={token} onDone={() => setStep('done')} onForgot={() => setStep('forgot')} />
        )}
        {step === 'done' && (
          <Said
            title="The new password is set"
            onBack={() => {
              setStep('signIn');
              onLeft?.();
            }}
          >
            Every session has ended. Sign in with the new password.
          </Said>
        )}
      </div>
      {DemoPeople && step === 'signIn' && (
        <Suspense fallback={null}>
          <DemoPeople />
        </Suspense>
      )}
    </main>
  );
}

interface EmailProps {
  readonly email: string;
  readonly onEmail: (email: string) => void;
}

export function Credentials({ email, onEmail, onForgot }: EmailProps & { readonly onForgot: () => void }) {
  const [password, setPassword] = useState('');
  const { failure, isBusy, submit } = useSubmitting();
  const form = useFirstFault(failure?.fields);
  return (
    <form
      ref={form}
      class="form"
      noValidate
      onSubmit={(event) => submit(event, () => client.signIn({ email, password }))}
    >
      <h1>Sign in</h1>
      {hasEnded.value && (
        <p class="hint-box" role="status">
          Your session has ended. What you were writing is still there.
        </p>
      )}
      <TextField
        label="E-mail"
        error={failure?.fields['email']}
        name="email"
        type="email"
        autocomplete="username"
        required
        value={email}
        onValue={onEmail}
      />
      <TextField
        label="Password"
        error={failure?.fields['password']}
        name="password"
        type="password"
        autocomplete="current-password"
        required
        value={password}
        onValue={setPassword}
      />
      <Refused failure={failure} />
      <button type="submit" class="button primary" disabled={isBusy}>
        {isBusy ? 'Signing in …' : 'Sign in'}
      </button>
      {site.mails && (
        <button type="button" class="text-button" onClick={onForgot}>
          Forgotten your password?
        </button>
      )}
    </form>
  );
}

interface ForgotProps extends EmailProps {
  readonly onSent: () => void;
  readonly onBack: () => void;
}

function Forgot({ email, onEmail, onSent, onBack }: ForgotProps) {
  const { failure, isBusy, submit } = useSubmitting();
  const form = useFirstFault(failure?.fields);
  return (
    <form
      ref={form}
      class="form"
      noValidate
      onSubmit={(event) => submit(event, () => client.http.forgotPassword({ body: { email } }).then(onSent))}
    >
      <h1>Forgotten password</h1>
      <p>We mail you a link by which you set a new one.</p>
      <TextField
        label="E-mail"
        error={failure?.fields['email']}
        type="email"
        autocomplete="username"
        required
        value={email}
        onValue={onEmail}
      />
      <Refused failure={failure} />
      <button type="submit" class="button primary" disabled={isBusy}>
        Mail me a link
      </button>
      <button type="button" class="text-button" onClick={onBack}>
        Back to signing in
      </button>
    </form>
  );
}

interface ResetProps {
  readonly token: string;
  readonly onDone: () => void;
  readonly onForgot: () => void;
}

function Reset({ token, onDone, onForgot }: ResetProps) {
  const [newPassword, setPassword] = useState('');
  const { failure, isBusy, submit } = useSubmitting();
  const form = useFirstFault(failure?.fields);
  const [isSpent, setSpent] = useState(false);
  const reset = async () => {
    setSpent(false);
    try {
      await client.http.resetPassword({ body: { token, newPassword } });
      onDone();
    } catch (thrown) {
      if (!isLiveSupportError(thrown)) throw thrown;
      const isOfToken =
        thrown.code === 'INVALID_TOKEN' || thrown.errors.some(({ pointer }) => pointer === '/body/token');
      if (!isOfToken) throw thrown;
      setSpent(true);
    }
  };
  return (
    <form ref={form} class="form" noValidate onSubmit={(event) => submit(event, reset)}>
      <h1>Set a new password</h1>
      <TextField
        label="New password"
        error={failure?.fields['newPassword']}
        hint="8 to 128 characters. Every session of yours ends."
        type="password"
        autocomplete="new-password"
        required
        value={newPassword}
        onValue={setPassword}
      />
      {isSpent && <Refusal>This link has expired, or was used already.</Refusal>}
      <Refused failure={failure} />
      <button type="submit" class="button primary" disabled={isBusy}>
        Set the password
      </button>
      <button type="button" class="text-button" onClick={onForgot}>
        Ask for another link
      </button>
    </form>
  );
}

interface SaidProps {
  readonly title: string;
  readonly children: preact.ComponentChildren;
  readonly onBack: () => void;
}

const Said = ({ title, children, onBack }: SaidProps) => (
  <div class="form">
    <h1>{title}</h1>
    <p role="status">{children}</p>
    <button type="button" class="button" onClick={onBack}>
      Back to signing in
    </button>
  </div>
);
