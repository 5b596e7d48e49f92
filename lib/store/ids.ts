import { randomUUID } from 'node:crypto';

/** Makes a new id of 122 random bits, which nobody can guess. */
export const newId = (): string => randomUUID();
