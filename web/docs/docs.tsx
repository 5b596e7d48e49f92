import { render } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import icon from '../shared/icon.svg';
import { site } from '../shared/site.ts';
import { HttpReference } from './HttpReference.tsx';
import { SocketReference } from './SocketReference.tsx';

/** Both documents on one page. The address says which is shown: `#events…` or, as Swagger UI writes its own, `#/…`. */
const showsEvents = (): boolean => location.hash.startsWith('#events');

function Docs() {
  const [events, setEvents] = useState(showsEvents);
  const [seen, setSeen] = useState(!events);
  useEffect(() => {
    const follow = () => {
      setEvents(showsEvents());
      if (!showsEvents()) setSeen(true);
    };
    addEventListener('hashchange', follow);
    return () => removeEventListener('hashchange', follow);
  }, []);
  return (
    <>
      <header class="bar">
        <p class="title">
          <img src={icon} alt="" width="24" height="24" /> Live Support <span class="version">{site.version}</span>
        </p>
        <nav class="tabs" aria-label="Documents">
          <a href="#/" aria-current={events ? undefined : 'page'}>
            HTTP
          </a>
          <a href="#events" aria-current={events ? 'page' : undefined}>
            WebSocket
          </a>
        </nav>
        <p class="sources">
          <a href="/openapi.json">openapi.json</a> <a href="/asyncapi.json">asyncapi.json</a>
        </p>
      </header>
      {/* Half a megabyte: loaded when it is looked at first, and kept as it is while the events are. */}
      <div hidden={events}>{seen && <HttpReference />}</div>
      {events && <SocketReference />}
    </>
  );
}

const root = document.getElementById('docs');
if (root) render(<Docs />, root);
