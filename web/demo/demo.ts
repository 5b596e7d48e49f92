import { site } from '../shared/site.ts';

/** The shop's own script: a basket that counts, and the console beside the shop. The widget needs none of this. */

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

if (site.pages.includes('console')) offerConsole();
