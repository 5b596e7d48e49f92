import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useId, useRef, useState } from 'preact/hooks';
import { cant } from '../app/cant.ts';
import { type Failure, failureOf } from '../app/errors.ts';

interface FieldProps {
  readonly label: string;
  readonly error?: string | undefined;
  readonly hint?: string;
  readonly children: (attributes: {
    readonly id: string;
    readonly 'aria-invalid': 'true' | undefined;
    readonly 'aria-describedby': string | undefined;
  }) => ComponentChildren;
}

/** A field with its label, and what is wrong with it. */
export function Field({ label, error, hint, children }: FieldProps) {
  const id = useId();
  const describedBy = [error && `${id}-error`, hint && `${id}-hint`].filter(Boolean).join(' ');
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children({ id, 'aria-invalid': error ? 'true' : undefined, 'aria-describedby': describedBy || undefined })}
      {hint && (
        <p id={`${id}-hint`} class="field-hint">
          {hint}
        </p>
      )}
      {error && (
        <p id={`${id}-error`} class="error">
          {sentence(label, error)}
        </p>
      )}
    </div>
  );
}

/** The service says `must be …` of a field; here the field says it of itself. */
const sentence = (label: string, error: string): string =>
  /^[A-Z]/.test(error) ? error : `${label} ${error}${/[.!?]$/.test(error) ? '' : '.'}`;

/** Puts the focus on the first field that something is wrong with. */
export function useFirstFault(fields: Readonly<Record<string, string>> | undefined) {
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => {
    if (fields && Object.keys(fields).length > 0)
      form.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus();
  }, [fields]);
  return form;
}

interface TextFieldProps extends Pick<FieldProps, 'label' | 'error' | 'hint'> {
  readonly value: string;
  readonly onValue: (value: string) => void;
  readonly name?: string;
  readonly type?: 'email' | 'password';
  readonly autocomplete?: 'off' | 'username' | 'current-password' | 'new-password';
  readonly inputMode?: 'decimal' | 'numeric';
  readonly required?: boolean;
}

/** A field of one line of text. */
export const TextField = ({ label, error, hint, onValue, ...input }: TextFieldProps) => (
  <Field label={label} error={error} {...(hint !== undefined && { hint })}>
    {(attributes) => (
      // Each type is a type of its own to the compiler, with the same attributes.
      <input
        {...attributes}
        {...(input as JSX.IntrinsicElements['input'])}
        onInput={({ currentTarget }) => onValue(currentTarget.value)}
      />
    )}
  </Field>
);

/** What kept something from being done. */
export const Refusal = ({ children }: { readonly children: ComponentChildren }) => (
  <p class="refusal" role="alert">
    {children}
  </p>
);

/** Why a form was refused, where no field of it says so. */
export const Refused = ({ failure }: { readonly failure: Failure | null }) =>
  failure && Object.keys(failure.fields).length === 0 ? <Refusal>{failure.said}</Refusal> : null;

interface DialogActionsProps {
  readonly onClose: () => void;
  readonly closes?: string;
  /** The button that does what the dialog is for. */
  readonly children: ComponentChildren;
}

/** The buttons at the end of a dialog. */
export const DialogActions = ({ onClose, closes = 'Cancel', children }: DialogActionsProps) => (
  <footer class="dialog-actions">
    <button type="button" class="button" onClick={onClose}>
      {closes}
    </button>
    {children}
  </footer>
);

/** Saves, where there is a connection; else it says that there is none. */
export const Save = ({ isBusy }: { readonly isBusy: boolean }) => (
  <>
    <button type="submit" class="button primary" disabled={isBusy || cant.value !== null}>
      Save
    </button>
    {cant.value !== null && (
      <p class="stale-line" role="status">
        {cant.value}
      </p>
    )}
  </>
);

interface Submitting {
  readonly failure: Failure | null;
  readonly isBusy: boolean;
  /** Does something instead of what the browser would do, and keeps what went wrong. */
  submit(event: Event, act: () => Promise<unknown>): void;
}

/** What is submitted: whether it is on its way, and what went wrong with the last attempt. */
export function useSubmitting(): Submitting {
  const [failure, setFailure] = useState<Failure | null>(null);
  const [isBusy, setBusy] = useState(false);
  return {
    failure,
    isBusy,
    submit: (event, act) => {
      event.preventDefault();
      setBusy(true);
      setFailure(null);
      act()
        .catch((thrown: unknown) => setFailure(failureOf(thrown)))
        .finally(() => setBusy(false));
    },
  };
}
