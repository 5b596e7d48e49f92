import { useState } from 'preact/hooks';
import type { AnswerOf } from '../../lib/protocol/client.ts';
import { call } from '../shared/api.ts';
import { SignIn } from './SignIn.tsx';

type Session = AnswerOf<'login'>;

export function App() {
  const [session, setSession] = useState<Session | null>(null);
  if (!session) return <SignIn onSignedIn={setSession} />;
  const { user, accessToken } = session;
  const signOut = async () => {
    await call('POST /auth/logout', {}, accessToken);
    setSession(null);
  };
  return (
    <main class="sign-in">
      <div class="panel">
        <h1>Live Support</h1>
        <p class="who">
          Signed in as {user.name}, {user.role}.
        </p>
        <button type="button" class="button" onClick={signOut}>
          Sign out
        </button>
      </div>
    </main>
  );
}
