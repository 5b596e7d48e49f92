import { useState } from 'preact/hooks';
import type { WordName } from './languages/en.ts';
import type { Shown } from './shown.ts';
import { fill } from './words.ts';

const SCORES = [1, 2, 3, 4, 5] as const;
const wordOf = (score: number): WordName => `rate${score}` as WordName;

interface BegunRating {
  readonly score: number;
  readonly comment: string;
}

const begunRating = (kept: string | null): BegunRating => ({ score: 0, comment: '', ...JSON.parse(kept ?? '{}') });

/** Five stars with a word each, and a comment for who wants to say more. */
export function Rating({ state, chat, words }: Shown) {
  const { rating, mayRate } = state;
  // Whoever closes the panel in the middle of it finds it as it was.
  const kept = `rating:${state.snapshot?.id}`;
  const [{ score, comment }, setRating] = useState(() => begunRating(chat.begun(kept)));
  const rate = (now: BegunRating) => {
    setRating(now);
    chat.keep(kept, JSON.stringify(now));
  };
  const [isSending, setSending] = useState(false);
  const [hasFailed, setFailed] = useState(false);
  if (rating) {
    return (
      <p class="rated" part="rated">
        <span class="stars" aria-hidden="true">
          {SCORES.map((one) => (
            <Star key={one} isOn={one <= rating.score} />
          ))}
        </span>
        {words.rated}
        <span class="visually-hidden">{`: ${words[wordOf(rating.score)]}`}</span>
      </p>
    );
  }
  if (!mayRate) return null;
  const send = async (event: SubmitEvent) => {
    event.preventDefault();
    if (score === 0 || isSending) return;
    setSending(true);
    setFailed(false);
    try {
      await chat.rate(score, comment);
      chat.keep(kept, null);
    } catch {
      setFailed(true);
    }
    setSending(false);
  };
  return (
    <form class="rating" part="rating" onSubmit={send}>
      <fieldset>
        <legend>{words.rate}</legend>
        <div class="stars">
          {SCORES.map((one) => (
            <label key={one} class="star" title={words[wordOf(one)]}>
              <input
                type="radio"
                name="score"
                class="visually-hidden"
                value={one}
                checked={score === one}
                onChange={() => rate({ score: one, comment })}
              />
              <Star isOn={one <= score} />
              <span class="visually-hidden">{words[wordOf(one)]}</span>
            </label>
          ))}
          <span class="word" aria-hidden="true">
            {score > 0 ? words[wordOf(score)] : ''}
          </span>
        </div>
      </fieldset>
      {score > 0 && (
        <>
          <label class="comment">
            <span>{words.comment}</span>
            <textarea
              rows={2}
              maxLength={1000}
              dir="auto"
              value={comment}
              onInput={({ currentTarget }) => rate({ score, comment: currentTarget.value })}
            />
          </label>
          {hasFailed && (
            <p class="problem" role="alert">
              {fill(words.rateFailed, {})}
            </p>
          )}
          {/* Disabled it would lose the focus. */}
          <button type="submit" class="button primary" part="rate" aria-disabled={isSending}>
            {words.rateSend}
          </button>
        </>
      )}
    </form>
  );
}

const Star = ({ isOn }: { readonly isOn: boolean }) => (
  <svg class={isOn ? 'on' : ''} viewBox="0 0 24 24" aria-hidden="true">
    <path d="m12 2.8 2.8 5.9 6.4.8-4.7 4.4 1.2 6.4-5.7-3.1-5.7 3.1 1.2-6.4-4.7-4.4 6.4-.8Z" />
  </svg>
);
