import type { ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { Failed, Skeleton } from './parts.tsx';

const NOT_LOADED = { said: 'This part of the page didn’t load', requestId: null };

/**
 * A view whose code comes once somebody wants it. Where it doesn't come, it says so: there may be no network, or a deployment may have
 * replaced the page, and then only the page of now has the view.
 */
export function late(load: () => Promise<{ readonly default: ComponentType }>): ComponentType {
  let loaded: ComponentType | undefined;
  return function Late() {
    const [View, setView] = useState<ComponentType | undefined>(() => loaded);
    const [hasFailed, setFailed] = useState(false);
    const attempt = () => {
      setFailed(false);
      load().then(
        ({ default: view }) => {
          loaded = view;
          setView(() => view);
        },
        () => setFailed(true),
      );
    };
    useEffect(() => {
      if (!loaded) attempt();
    }, []);
    if (View) return <View />;
    if (!hasFailed) return <Skeleton rows={6} />;
    return (
      <Failed failure={NOT_LOADED} onRetry={attempt}>
        {/* Without a network, loading the page would end at the browser's error page. */}
        {navigator.onLine ? (
          <>
            <p class="empty-text">There may be a newer page. What you have written stays.</p>
            <button type="button" class="button" onClick={() => location.reload()}>
              Load the page again
            </button>
          </>
        ) : (
          <p class="empty-text">You are offline.</p>
        )}
      </Failed>
    );
  };
}
