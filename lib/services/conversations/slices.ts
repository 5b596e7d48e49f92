/** Messages of one slice. One database operation on them takes far less than its time limit. */
const SLICE = 2_000;

/**
 * Works through the messages of a conversation slice by slice. Each call of `work` has the messages whose `seq` is beyond its
 * `from`, and `to` at most. Begins no slice after `until`, in epoch milliseconds. Returns whether it got to `lastSeq`.
 */
export async function inSlices(
  { from: begin, lastSeq, until }: { readonly from: number; readonly lastSeq: number; readonly until: number },
  work: (from: number, to: number) => Promise<void>,
): Promise<boolean> {
  for (let from = begin; from < lastSeq; from += SLICE) {
    if (Date.now() > until) return false;
    await work(from, Math.min(from + SLICE, lastSeq));
  }
  return true;
}
