import { render } from 'preact';
import { site } from '../shared/site.ts';

const root = document.getElementById('docs');
if (root)
  render(
    <main>
      <h1>Live Support {site.version}</h1>
    </main>,
    root,
  );
