import { SingleFlight } from '../../runtime/singleFlight.ts';
import { anyoneAvailable } from '../../store/agents.ts';

/** How old an answer may be: anybody may ask, and each customer's page does. */
const FRESH_MS = 15_000;

const asking = new SingleFlight<boolean>();
let known: { readonly open: boolean; readonly askedAt: number } | undefined;

/** Says whether any agent is available. The answer may be some seconds old. */
export async function getDesk(): Promise<{ open: boolean }> {
  if (known && Date.now() - known.askedAt < FRESH_MS) return { open: known.open };
  const askedAt = Date.now();
  const open = await asking.run(anyoneAvailable);
  known = { open, askedAt };
  return { open };
}
