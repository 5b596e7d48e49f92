import mongoose from 'mongoose';
import { newDatabaseUri } from './newDatabase.ts';

/** A command as it was sent to the database. */
export type Command = Readonly<Record<string, unknown>>;

/** For `startDesk`: a database of its own whose commands can be watched. */
export const WATCHED = {
  get MONGODB_URI(): string {
    const uri = newDatabaseUri();
    return `${uri}${uri.includes('?') ? '&' : '?'}monitorCommands=true`;
  },
};

/** `<name> <collection>`; the name alone of a command that is about no collection. */
export function nameOf({ commandName, command }: { readonly commandName: string; readonly command: Command }): string {
  const collection = command[commandName];
  return typeof collection === 'string' ? `${commandName} ${collection}` : commandName;
}

/** Who hears of each command to the database, as it is sent and as it has succeeded. */
export interface Listener {
  started?(event: mongoose.mongo.CommandStartedEvent): void;
  succeeded?(event: mongoose.mongo.CommandSucceededEvent): void;
}

/** Runs `work`, with `listener` listening meanwhile. */
export async function listening<T>(
  { started = () => undefined, succeeded = () => undefined }: Listener,
  work: () => Promise<T>,
): Promise<T> {
  const client = mongoose.connection.getClient();
  client.on('commandStarted', started).on('commandSucceeded', succeeded);
  try {
    return await work();
  } finally {
    client.off('commandStarted', started).off('commandSucceeded', succeeded);
  }
}

/** What the service sends to the database from now on, in order; `stop` ends it. */
export function watchCommands(): { readonly seen: { name: string; command: Command }[]; stop(): void } {
  const seen: { name: string; command: Command }[] = [];
  const client = mongoose.connection.getClient();
  const note = ({ commandName, command }: { commandName: string; command: Command }) => {
    seen.push({ name: commandName, command: { ...command } });
  };
  client.on('commandStarted', note);
  return { seen, stop: () => client.off('commandStarted', note) };
}
