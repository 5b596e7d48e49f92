import { useEffect, useRef, useState } from 'preact/hooks';
import { Empty, Link } from '../ui/parts.tsx';

interface LostProps {
  readonly backTo: string;
  /** What was written here and has reached nobody. */
  readonly written: string;
  readonly onDiscard: () => void;
}

/** A conversation that went to somebody else, perhaps in the middle of a sentence. */
export function Lost({ backTo, written, onDiscard }: LostProps) {
  const section = useRef<HTMLElement>(null);
  const field = useRef<HTMLTextAreaElement>(null);
  const [copied, setCopied] = useState('');
  // The field that had the focus has gone. Whoever is elsewhere stays there.
  useEffect(() => {
    if (document.activeElement === document.body) (field.current ?? section.current)?.focus();
  }, [written === '']);
  const copy = () =>
    navigator.clipboard.writeText(written).then(
      () => setCopied('Copied.'),
      () => {
        field.current?.select();
        setCopied('The browser doesn’t let this page copy: the text is selected.');
      },
    );
  return (
    <section ref={section} class="conversation" aria-label="Conversation" tabIndex={-1}>
      <Empty icon="leave" title="This conversation isn’t yours to see">
        <p>It was given to somebody else, went back to the queue, or never was here.</p>
        {written !== '' && (
          <div class="lost-text">
            <label>
              What you had written
              <textarea ref={field} readOnly dir="auto" rows={4} value={written} />
            </label>
            <div class="lost-actions">
              <button type="button" class="button" onClick={copy}>
                Copy
              </button>
              <button type="button" class="button" onClick={onDiscard}>
                Discard
              </button>
              <span role="status">{copied}</span>
            </div>
          </div>
        )}
        <Link class="button" href={backTo}>
          Back to the list
        </Link>
      </Empty>
    </section>
  );
}
