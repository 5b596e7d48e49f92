import { useEffect, useState } from 'preact/hooks';
import type { Routing } from '../../../client/src/index.ts';
import { cant } from '../app/cant.ts';
import { useDesk } from '../app/desk.ts';
import { type Failure, failureOf } from '../app/errors.ts';
import { span } from '../app/format.ts';
import { tell } from '../app/notices.ts';
import { Dialog } from '../ui/Dialog.tsx';
import { DialogActions, Refusal, Save, TextField } from '../ui/forms.tsx';
import { Icon } from '../ui/Icon.tsx';

/** How the team gets its conversations, in a line, and the way to change it. */
export function RoutingCard() {
  const { client } = useDesk();
  const [routing, setRouting] = useState<Routing | null>(null);
  const [failure, setFailure] = useState<Failure | null>(null);
  const [isOpen, setOpen] = useState(false);
  const load = () => {
    setFailure(null);
    client.http.getRouting().then(setRouting, (thrown: unknown) => setFailure(failureOf(thrown)));
  };
  useEffect(load, [client]);
  return (
    <section class="routing-card" aria-label="Routing">
      <div>
        <h2>Routing</h2>
        {failure ? (
          <p>
            {failure.said}{' '}
            <button type="button" class="text-button" onClick={load}>
              Try again
            </button>
          </p>
        ) : (
          <p>{routing === null ? '…' : sayRouting(routing)}</p>
        )}
      </div>
      <button
        type="button"
        class="icon-button"
        aria-label="Change the routing"
        title={cant.value ?? 'Change the routing'}
        disabled={!routing || cant.value !== null}
        onClick={() => setOpen(true)}
      >
        <Icon name="settings" />
      </button>
      {isOpen && routing && (
        <RoutingDialog
          routing={routing}
          onClose={() => setOpen(false)}
          onSave={async (body) => {
            setRouting(await client.http.setRouting({ body }));
            setOpen(false);
            tell('The routing is saved.');
          }}
        />
      )}
    </section>
  );
}

export function sayRouting({ mode, requeueAfterSeconds, answerWithinSeconds }: Routing): string {
  if (mode === 'manual') return 'By hand: you give out what waits.';
  const absent = requeueAfterSeconds === null ? '' : ` Back after ${span(requeueAfterSeconds)} of absence.`;
  const silent = answerWithinSeconds === null ? '' : ` Back after ${span(answerWithinSeconds)} without an answer.`;
  return `Automatic: available agents with room get what waits.${absent}${silent}`;
}

interface RoutingDialogProps {
  readonly routing: Routing;
  readonly onClose: () => void;
  readonly onSave: (routing: Routing) => Promise<void>;
}

const minutesOf = (seconds: number | null): string => (seconds === null ? '' : String(seconds / 60));

export function RoutingDialog({ routing, onClose, onSave }: RoutingDialogProps) {
  const [mode, setMode] = useState(routing.mode);
  const [absent, setAbsent] = useState(minutesOf(routing.requeueAfterSeconds));
  const [silent, setSilent] = useState(minutesOf(routing.answerWithinSeconds));
  const [fields, setFields] = useState<Readonly<Record<string, string>>>({});
  const [said, setSaid] = useState<string | null>(null);
  const [isBusy, setBusy] = useState(false);
  const secondsOf = (text: string): number | null | undefined => {
    if (text.trim() === '') return null;
    const seconds = Math.round(Number(text.replace(',', '.')) * 60);
    return seconds >= 60 && seconds <= 86_400 ? seconds : undefined;
  };
  const save = async () => {
    const [requeueAfterSeconds, answerWithinSeconds] = [secondsOf(absent), secondsOf(silent)];
    const wrong = 'From 1 minute to 1,440 (a day), or nothing for never.';
    const faults = {
      ...(requeueAfterSeconds === undefined && { requeueAfterSeconds: wrong }),
      ...(answerWithinSeconds === undefined && { answerWithinSeconds: wrong }),
    };
    setFields(faults);
    setSaid(null);
    if (requeueAfterSeconds === undefined || answerWithinSeconds === undefined) return;
    setBusy(true);
    try {
      await onSave({ mode, requeueAfterSeconds, answerWithinSeconds });
    } catch (thrown) {
      const failure = failureOf(thrown);
      setFields(failure.fields);
      setSaid(failure.said);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Dialog title="Routing of your team" onClose={onClose}>
      <form
        class="form"
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          void save();
        }}
      >
        <fieldset class="choices">
          <legend>Who gives out what waits?</legend>
          <label>
            <input type="radio" name="mode" checked={mode === 'manual'} onChange={() => setMode('manual')} />
            <span>
              <strong>By hand</strong> You assign each conversation.
            </span>
          </label>
          <label>
            <input type="radio" name="mode" checked={mode === 'automatic'} onChange={() => setMode('automatic')} />
            <span>
              <strong>Automatic</strong> Available agents with room get the most urgent, who holds the fewest first.
            </span>
          </label>
        </fieldset>
        <TextField
          label="Minutes of absence, after which it goes back"
          error={fields['requeueAfterSeconds']}
          hint="Empty for never. In automatic mode only."
          inputMode="decimal"
          value={absent}
          onValue={setAbsent}
        />
        <TextField
          label="Minutes without a first answer, after which it goes back"
          error={fields['answerWithinSeconds']}
          hint="Empty for never. In automatic mode only."
          inputMode="decimal"
          value={silent}
          onValue={setSilent}
        />
        {said && <Refusal>{said}</Refusal>}
        <DialogActions onClose={onClose}>
          <Save isBusy={isBusy} />
        </DialogActions>
      </form>
    </Dialog>
  );
}
