import { lazy, Suspense } from 'preact/compat';
import { useEffect, useRef, useState } from 'preact/hooks';
import { client, user } from './app/client.ts';
import { desk } from './app/desk.ts';
import { isLocal, personOfPage, place } from './app/router.ts';
import { Shell } from './shell/Shell.tsx';
import { SignIn, tokenOf } from './signin/SignIn.tsx';

const StatesPage = isLocal ? lazy(() => import('./states/StatesPage.tsx')) : null;
const Beside = isLocal ? lazy(() => import('./demo/Beside.tsx')) : null;

export function App() {
  const person = user.value;
  const as = personOfPage();
  // A link by which one sets a new password goes before whoever is signed in.
  const [isResetting, setResetting] = useState(() => tokenOf(location.hash) !== null);
  const hasTried = useRef(false);
  useEffect(() => {
    // Once: whoever signs out stays signed out.
    if (person !== null || as === null || hasTried.current) return;
    hasTried.current = true;
    // Where that fails there is the sign-in.
    void import('./demo/signInAs.ts').then(({ signInAs }) => signInAs(as)).catch(() => undefined);
  }, [person, as]);

  const { view } = place.value;
  if (StatesPage && view === 'states') return <Suspense fallback={null}>{<StatesPage />}</Suspense>;
  if (Beside && view === 'beside') return <Suspense fallback={null}>{<Beside />}</Suspense>;
  // A moment: the storage is asked.
  if (person === undefined) return null;
  if (isResetting) return <SignIn onLeft={() => setResetting(false)} />;
  if (desk.value) return <Shell key={desk.value.user.id} desk={desk.value} />;
  if (person === null) return <SignIn />;
  return (
    <main class="sign-in">
      <div class="sign-in-card form">
        <h1>This is the staff’s side</h1>
        <p>You are signed in as {person.name}, a customer.</p>
        <button type="button" class="button" onClick={() => void client.signOut()}>
          Sign out
        </button>
      </div>
    </main>
  );
}
