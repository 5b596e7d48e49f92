import { randomUUID } from 'node:crypto';

/** A new id: 122 random bits, so that nobody guesses another's. */
export const newId = (): string => randomUUID();
