import type { ComponentChildren } from 'preact';
import { useId, useLayoutEffect, useRef } from 'preact/hooks';
import { DialogActions } from './forms.tsx';
import { Icon } from './Icon.tsx';

interface DialogProps {
  readonly title: string;
  readonly onClose: () => void;
  readonly children: ComponentChildren;
  readonly class?: string;
}

/** A window over the page: the browser keeps the focus in it, closes it by Escape, and gives the focus back. */
export function Dialog({ title, onClose, children, class: name = '' }: DialogProps) {
  const ref = useRef<HTMLDialogElement>(null);
  const heading = useId();
  const begun = useRef('');
  // At once: the next key may come before the browser has drawn, and is for the dialog.
  useLayoutEffect(() => {
    const before = document.activeElement;
    ref.current?.showModal();
    begun.current = entered(ref.current);
    return () => {
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  return (
    <dialog
      ref={ref}
      class={`dialog ${name}`}
      aria-labelledby={heading}
      onClose={onClose}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onMouseDown={(event) => {
        // A stray click throws away nothing that somebody has typed.
        if (event.target === ref.current && entered(ref.current) === begun.current) onClose();
      }}
    >
      <div class="dialog-body">
        <header>
          <h2 id={heading}>{title}</h2>
          <button type="button" class="icon-button" aria-label="Close" onClick={onClose}>
            <Icon name="close" />
          </button>
        </header>
        {children}
      </div>
    </dialog>
  );
}

/** What the fields of the forms within hold. */
const entered = (dialog: HTMLElement | null): string =>
  [...(dialog?.querySelectorAll<HTMLInputElement>('form :is(input, textarea, select)') ?? [])]
    .map(({ type, checked, value }) => (type === 'radio' ? checked : value))
    .join('\n');

interface AskProps {
  readonly title: string;
  readonly children: ComponentChildren;
  readonly yes: string;
  readonly isDangerous?: boolean;
  readonly isBusy?: boolean;
  /** Why it can't be done now. */
  readonly cant?: string | null;
  readonly onYes: () => void;
  readonly onClose: () => void;
}

/** Asks once before something that can't be taken back. */
export function Ask({
  title,
  children,
  yes,
  isDangerous = false,
  isBusy = false,
  cant = null,
  onYes,
  onClose,
}: AskProps) {
  // Enter answers the question that was just asked.
  const answer = useRef<HTMLButtonElement>(null);
  useLayoutEffect(() => answer.current?.focus(), []);
  return (
    <Dialog title={title} onClose={onClose} class="ask">
      <div class="ask-text">
        {children}
        {cant !== null && <p role="status">{cant}</p>}
      </div>
      <DialogActions onClose={onClose}>
        <button
          type="button"
          class={`button ${isDangerous ? 'danger' : 'primary'}`}
          disabled={isBusy || cant !== null}
          onClick={onYes}
          ref={answer}
        >
          {yes}
        </button>
      </DialogActions>
    </Dialog>
  );
}
