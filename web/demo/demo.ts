import { site } from '../shared/site.ts';

/** The shop's own script: a basket that counts, who is signed in, and the console beside the shop. The widget needs only the second. */

const all = <E extends Element>(selector: string): E[] => [...document.querySelectorAll<E>(selector)];

let inBasket = 0;
for (const button of all<HTMLButtonElement>('[data-add]')) {
  button.addEventListener('click', () => {
    inBasket += 1;
    for (const count of all('[data-basket]')) count.textContent = String(inBasket);
  });
}

/** A laptop lets the console be framed by the demo. Beside a narrow shop there is no room for it: then it is a window. */
const WIDE = '(min-width: 1100px)';

function offerConsole(): void {
  const stage = document.querySelector('.stage');
  const [beside] = all<HTMLButtonElement>('[data-beside]');
  const [link] = all<HTMLAnchorElement>('a[data-console]');
  if (!stage || !beside || !link) return;
  for (const about of all<HTMLElement>('[data-console]')) about.hidden = false;
  if (site.stage !== 'local') return;
  const wide = matchMedia(WIDE);
  const adapt = () => {
    beside.hidden = !wide.matches;
    link.hidden = wide.matches;
    if (!wide.matches) show(false);
  };
  const show = (wanted: boolean) => {
    beside.setAttribute('aria-pressed', String(wanted));
    const shown = stage.querySelector('iframe');
    if (!wanted) shown?.remove();
    else if (!shown) {
      const frame = document.createElement('iframe');
      frame.title = 'Console';
      frame.src = '/console';
      stage.append(frame);
    }
  };
  beside.addEventListener('click', () => show(beside.getAttribute('aria-pressed') !== 'true'));
  wide.addEventListener('change', adapt);
  adapt();
}

/** What a page calls of the widget: see web/widget/README.md. */
interface Chat extends HTMLElement {
  identify(identity: { readonly token: () => Promise<string> }): void;
  reset(): Promise<void>;
}

/** As a company's page does it: its own backend says who is signed in. A laptop's is local/demoToken.ts. */
async function token(): Promise<string> {
  const response = await fetch('/demo/token');
  return ((await response.json()) as { token: string }).token;
}

const SIGNED_IN = 'shop-signed-in';

/** Shopping as a visitor, or signed in to the shop. */
async function offerSignIn(): Promise<void> {
  const [button] = all<HTMLButtonElement>('[data-sign-in]');
  const [name] = all<HTMLElement>('[data-name]');
  if (!button || !name) return;
  await customElements.whenDefined('live-support-chat');
  const [chat] = all<Chat>('live-support-chat');
  if (!chat) return;
  const show = (isSignedIn: boolean) => {
    button.textContent = isSignedIn ? 'Sign out' : 'Sign in';
    name.hidden = !isSignedIn;
    button.hidden = false;
  };
  button.addEventListener('click', () => {
    const isSignedIn = localStorage.getItem(SIGNED_IN) === null;
    if (isSignedIn) {
      localStorage.setItem(SIGNED_IN, '1');
      chat.identify({ token });
    } else {
      localStorage.removeItem(SIGNED_IN);
      void chat.reset();
    }
    show(isSignedIn);
  });
  const isSignedIn = localStorage.getItem(SIGNED_IN) !== null;
  if (isSignedIn) chat.identify({ token });
  show(isSignedIn);
}

if (site.stage === 'local') void offerSignIn();
if (site.pages.includes('console')) offerConsole();
