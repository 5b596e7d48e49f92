/** Whether everything is to run: `SOAK=1`, as each week. Without it, what takes long is lighter, or left to that run. */
export const inFull = process.env['SOAK'] === '1';

/** A test that runs with `SOAK=1` only. */
export const itInFull: typeof it = inFull ? it : (it.skip as typeof it);
