import { writeSync } from 'node:fs';
import { flushCompileCache } from 'node:module';
import mongoose from 'mongoose';
import './lightHashes.ts';
import { loadHandler } from './handlers.ts';
import { BLOCKED_FD, type Fault, type FromMachine, type ToMachine } from './machineProtocol.ts';

/**
 * Runs handlers in a process of its own, one invocation after the other. The database's commands are watched, so that
 * this process can kill or stop itself at exactly one of them: the event that tells of a command comes before its first
 * byte is written.
 */

/** Another machine's clock: whoever asks for the time, libraries included, gets it shifted. */
let clockShiftMs = Number(process.env['CLOCK_SHIFT_MS'] ?? 0);
const RealDate = Date;
const now = () => RealDate.now() + clockShiftMs;
globalThis.Date = new Proxy(RealDate, {
  construct: (target, given, made) => Reflect.construct(target, given.length === 0 ? [now()] : given, made) as object,
  get: (target, name) => (name === 'now' ? now : Reflect.get(target, name)),
});

const connect = mongoose.connect.bind(mongoose);
mongoose.connect = (uri, options) => connect(uri, { ...options, monitorCommands: true });

let commands: string[] = [];
let fault: Fault | undefined;
mongoose.connection.on('connected', () => {
  const client = mongoose.connection.getClient();
  client
    .removeAllListeners('commandStarted')
    .removeAllListeners('commandSucceeded')
    .removeAllListeners('commandFailed');
  const places = new Map<number, number>();
  client.on('commandStarted', ({ commandName, requestId }) => {
    commands.push(commandName);
    places.set(requestId, commands.length);
    strike('before', commands.length);
  });
  const answered = ({ requestId }: { requestId: number }) => strike('after', places.get(requestId) ?? 0);
  client.on('commandSucceeded', answered).on('commandFailed', answered);
});

function strike(when: Fault['when'], place: number): void {
  if (fault?.when !== when || fault.command !== place) return;
  const { kind } = fault;
  fault = undefined;
  if (kind === 'die') process.kill(process.pid, 'SIGKILL');
  // Written at once, unlike a message: after the next line nothing of ours runs until somebody lets us go on.
  writeSync(BLOCKED_FD, '.');
  process.kill(process.pid, 'SIGSTOP');
  // Ten minutes, by the clock on the wall.
  clockShiftMs += 10 * 60_000;
}

const tell = (message: FromMachine): void => void process.send?.(message);

process.on('message', async ({ id, file, event, fault: wanted }: ToMachine) => {
  const handler = await loadHandler(file);
  if (event === undefined) {
    // Now: one that is killed saves nothing.
    flushCompileCache();
    return tell({ id, result: null, commands: [] });
  }
  commands = [];
  fault = wanted;
  const context = { functionName: 'machine', awsRequestId: `machine-${id}`, getRemainingTimeInMillis: () => 29_000 };
  try {
    const result = await handler(event, context);
    tell({ id, result, commands });
  } catch (error) {
    tell({ id, error: String(error), commands });
  }
});
// Whoever started us is gone.
process.on('disconnect', () => process.exit());
