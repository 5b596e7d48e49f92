/** What is to happen to a machine at the n-th database command (from 1) of an invocation. */
export interface Fault {
  readonly kind: 'die' | 'freeze';
  readonly command: number;
  /** Before its first byte is written, or after its answer was read. */
  readonly when: 'before' | 'after';
}

/** Without an event the handler is only loaded. */
export interface ToMachine {
  readonly id: number;
  readonly file: string;
  readonly event?: unknown;
  readonly fault?: Fault | undefined;
}

/** `commands`: the names of the database commands of the invocation, in order. */
export type FromMachine = { readonly id: number; readonly commands: string[] } & (
  | { readonly result: unknown }
  | { readonly error: string }
);

/** The pipe on which a machine says, the moment before, that it stops. */
export const BLOCKED_FD = 4;
