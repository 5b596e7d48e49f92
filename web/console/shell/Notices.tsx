import { dismiss, notices, said } from '../app/notices.ts';
import { Icon } from '../ui/Icon.tsx';

export function Notices() {
  return (
    <>
      <section class="notices" aria-label="Notices">
        <div aria-live="polite">
          {notices.value.map(({ id, text, tone }) => (
            <div key={id} class={`notice ${tone}`}>
              {tone === 'bad' && <Icon name="warning" />}
              <p>{text}</p>
              <button type="button" class="icon-button dense" aria-label="Dismiss" onClick={() => dismiss(id)}>
                <Icon name="close" />
              </button>
            </div>
          ))}
        </div>
      </section>
      <p class="visually-hidden" aria-live="polite">
        {said.value}
      </p>
    </>
  );
}
