import { useEffect, useRef, useState } from 'preact/hooks';

/** The part of Swagger UI that its plugins use: it brings a React of its own. */
interface System {
  readonly React: { createElement(type: string, properties: null, child: string): unknown };
}

/** As Swagger UI has it: `obj` is the parsed body. */
interface Response {
  readonly ok: boolean;
  readonly obj?: { readonly accessToken?: string } | null;
}

/** A link within a button can't be reached by itself. The button writes the address already. */
const plainNames = ({ React }: System) => ({
  components: { DeepLink: ({ text }: { readonly text: string }) => React.createElement('span', null, text) },
});

/** Swagger UI leaves the choice among several examples without a name. */
function nameChoices(place: HTMLElement): () => void {
  const name = () => {
    for (const choice of place.querySelectorAll('select.examples-select-element:not([aria-label])')) {
      choice.setAttribute('aria-label', 'Example');
    }
  };
  const observer = new MutationObserver(name);
  observer.observe(place, { childList: true, subtree: true });
  return () => observer.disconnect();
}

/** Swagger UI goes by a class, our pages by what the system says. */
function followColours(): () => void {
  const dark = matchMedia('(prefers-color-scheme: dark)');
  const adapt = () => document.documentElement.classList.toggle('dark-mode', dark.matches);
  adapt();
  dark.addEventListener('change', adapt);
  return () => dark.removeEventListener('change', adapt);
}

/**
 * The HTTP API, by Swagger UI: each request can be tried here. The requests go to the stage that serves the page, so nothing is
 * asked of another site.
 */
export function HttpReference() {
  const place = useRef<HTMLDivElement>(null);
  const [failed, setFailed] = useState(false);
  useEffect(followColours, []);
  useEffect(() => {
    if (!place.current) return undefined;
    const domNode = place.current;
    const show = async () => {
      const [{ default: SwaggerUi }, { servers: _, ...document }] = await Promise.all([
        import('swagger-ui-dist/swagger-ui-bundle.js'),
        fetch('/openapi.json').then((response) => response.json() as Promise<Readonly<Record<string, unknown>>>),
      ]);
      const ui = SwaggerUi({
        domNode,
        // Without servers, requests go where the page is.
        spec: document,
        plugins: [plainNames],
        deepLinking: true,
        docExpansion: 'list',
        defaultModelsExpandDepth: -1,
        defaultModelRendering: 'model',
        displayRequestDuration: true,
        filter: true,
        tryItOutEnabled: true,
        // Nothing is sent to Swagger's own site.
        validatorUrl: null,
        queryConfigEnabled: false,
        responseInterceptor: (response: Response) => {
          const { ok, obj } = response;
          if (ok && obj?.accessToken) ui.preauthorizeApiKey('bearer', obj.accessToken);
          return response;
        },
      });
    };
    show().catch(() => setFailed(true));
    return nameChoices(domNode);
  }, []);
  return (
    <>
      <p class="hint">
        Every request can be tried here. Sign in by trying <a href="#/auth/login">POST /auth/login</a>: what follows is
        sent with the token of its answer.
      </p>
      {/* Swagger UI brings a main of its own. */}
      <div ref={place} />
      {failed && (
        <p class="failed" role="alert">
          The reference could not be loaded. <a href="/docs">Load the page again</a>, or read{' '}
          <a href="/openapi.json">openapi.json</a>.
        </p>
      )}
    </>
  );
}
