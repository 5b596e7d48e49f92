import { jest } from '@jest/globals';
import {
  afterCommand,
  beginCommand,
  COMMAND_MS,
  commandEnds,
  DeadlineExceeded,
  withinDeadline,
} from '../../lib/runtime/deadline.ts';

/** How long a command may take, by a clock that the test moves. */

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

const lasting = (ms: number) => () => new Promise<string>((resolve) => setTimeout(() => resolve('done'), ms));

/** Whether it has ended by now, and how. */
function watch(work: Promise<unknown>): { state: unknown } {
  const seen: { state: unknown } = { state: 'under way' };
  work.then(
    (value) => {
      seen.state = value;
    },
    (error: unknown) => {
      seen.state = error;
    },
  );
  return seen;
}

it('gives a step by itself all the time there is', async () => {
  const inTime = watch(withinDeadline(lasting(COMMAND_MS - 1)));
  const late = watch(withinDeadline(lasting(COMMAND_MS + 1)));
  await jest.advanceTimersByTimeAsync(COMMAND_MS);
  expect(inTime.state).toBe('done');
  expect(late.state).toBeInstanceOf(DeadlineExceeded);
});

it('gives the steps of a command the time together', async () => {
  const seen = watch(
    beginCommand(async () => {
      await withinDeadline(lasting(3_000));
      return withinDeadline(lasting(3_000));
    }),
  );
  await jest.advanceTimersByTimeAsync(COMMAND_MS - 1);
  expect(seen.state).toBe('under way');
  await jest.advanceTimersByTimeAsync(1);
  expect(seen.state).toBeInstanceOf(DeadlineExceeded);
});

it('tells a step when its command ends, and what belongs to none that it has just begun', async () => {
  const began = Date.now();
  const seen = watch(
    beginCommand(async () => {
      await lasting(1_000)();
      return withinDeadline(async () => commandEnds());
    }),
  );
  await jest.advanceTimersByTimeAsync(1_000);
  expect(seen.state).toBe(began + COMMAND_MS);
  expect(commandEnds()).toBe(Date.now() + COMMAND_MS);
});

it('begins no step of a command that is over', async () => {
  const step = jest.fn(lasting(1));
  const seen = watch(
    beginCommand(async () => {
      await lasting(COMMAND_MS)();
      return withinDeadline(step);
    }),
  );
  await jest.advanceTimersByTimeAsync(COMMAND_MS);
  expect(seen.state).toBeInstanceOf(DeadlineExceeded);
  expect(step).not.toHaveBeenCalled();
});

it('gives what follows a command time of its own', async () => {
  const seen = watch(
    beginCommand(async () => {
      await lasting(3_000)();
      return afterCommand(() => commandEnds() - Date.now());
    }),
  );
  await jest.advanceTimersByTimeAsync(3_000);
  expect(seen.state).toBe(COMMAND_MS);
});

it('leaves no timer behind', async () => {
  watch(withinDeadline(lasting(10)));
  await jest.advanceTimersByTimeAsync(10);
  expect(jest.getTimerCount()).toBe(0);
});
