/** Something on this machine is not as it must be: `message` says what, and what to do. Shown without a stack. */
export class LocalError extends Error {
  override readonly name = 'LocalError';
}
