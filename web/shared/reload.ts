/**
 * Loads the page again once it has been built anew. In pages of `npm start` with RELOAD=on only: whoever works on them sees a
 * change without touching the browser.
 */
const EVERY_MS = 1_000;

async function version(): Promise<string | null> {
  try {
    return (await fetch(location.pathname, { method: 'GET', cache: 'no-cache' })).headers.get('etag');
  } catch {
    // The service is starting again.
    return null;
  }
}

/** The page as it was loaded. */
const loaded = await version();
setInterval(async () => {
  const now = await version();
  if (now !== null && now !== loaded) location.reload();
}, EVERY_MS);

export {};
