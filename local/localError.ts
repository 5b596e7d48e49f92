/** Something on this machine is wrong. `message` says what, and what to do. It is shown without a stack. */
export class LocalError extends Error {
  override readonly name = 'LocalError';
}
