/**
 * Has the time stand still, for what asks `Date.now` in this process, until `work` is done: no minute or hour ends in
 * the middle of it, however long it takes. Timers and the database's clock go on.
 */
export async function atOneMoment<T>(work: () => Promise<T>): Promise<T> {
  const { now } = Date;
  const moment = now();
  Date.now = () => moment;
  try {
    return await work();
  } finally {
    Date.now = now;
  }
}
