import { randomBytes } from 'node:crypto';
import mongoose from 'mongoose';
import { databaseUri } from '../../local/mongod.ts';

/** A command as it was sent to the database. */
export type Command = Readonly<Record<string, unknown>>;

/** For `startDesk`: a database of its own whose commands can be watched. */
export const WATCHED = {
  get MONGODB_URI(): string {
    const uri = databaseUri(process.env['TEST_MONGODB_URI'] ?? '', `test_${randomBytes(6).toString('hex')}`);
    return `${uri}${uri.includes('?') ? '&' : '?'}monitorCommands=true`;
  },
};

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
