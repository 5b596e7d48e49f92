import { SingleFlight } from '../../runtime/singleFlight.ts';
import { anyoneAvailable } from '../../store/agents.ts';

/**
 * How long an answer is given again: anybody may ask, and each customer's page does. The contract says 30 seconds; the rest is for the
 * read itself, which some may have joined late.
 */
const FRESH_MS = 15_000;

const asking = new SingleFlight<boolean>();
let known: { readonly open: boolean; readonly askedAt: number } | undefined;

/** Says whether any agent is available. The answer is never more than 30 seconds old: `FRESH_MS`, and the time of a read. */
export async function getDesk(): Promise<{ open: boolean }> {
  if (known && Date.now() - known.askedAt < FRESH_MS) return { open: known.open };
  const askedAt = Date.now();
  const open = await asking.run(anyoneAvailable);
  known = { open, askedAt };
  return { open };
}
