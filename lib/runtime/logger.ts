import { AsyncLocalStorage } from 'node:async_hooks';
import { isNativeError } from 'node:util/types';
import { ConfigError, config } from './config.ts';

const LEVELS = { debug: 10, info: 20, warn: 30, error: 40, silent: 99 } as const;
type Level = Exclude<keyof typeof LEVELS, 'silent'>;

/**
 * Fields of a log line: ids, codes, counts and durations only. Never message text, passwords, tokens or e-mail
 * addresses.
 */
export type LogFields = Readonly<Record<string, string | number | boolean | null | undefined>>;

const invocation = new AsyncLocalStorage<LogFields>();

/** Runs `work`, and adds these fields to every line it logs. */
export function withLogFields<T>(fields: LogFields, work: () => T): T {
  return invocation.run({ ...invocation.getStore(), ...fields }, work);
}

/** Writes one JSON object per line, which CloudWatch Logs Insights can read. */
export const logger = {
  debug: (message: string, fields?: LogFields) => write('debug', message, fields),
  info: (message: string, fields?: LogFields) => write('info', message, fields),
  warn: (message: string, fields?: LogFields) => write('warn', message, fields),
  error: (message: string, fields?: LogFields) => write('error', message, fields),
};

/**
 * Returns what may be logged of a fault: its kind, codes and stack. Its message may quote a document or a token, so it
 * may not.
 */
export function errorFields(error: unknown): LogFields {
  if (!isNativeError(error)) return { error: typeof error };
  const { code, codeName } = error as { code?: unknown; codeName?: unknown };
  return {
    error: error.name,
    // This message names settings, not data, and an operator needs it.
    detail: error instanceof ConfigError ? error.message : undefined,
    errorCode: typeof code === 'string' || typeof code === 'number' ? code : undefined,
    errorCodeName: typeof codeName === 'string' ? codeName : undefined,
    stack: error.stack
      ?.split('\n')
      .filter((line) => line.startsWith('    at '))
      .join('\n'),
    cause: isNativeError(error.cause) ? error.cause.name : undefined,
  };
}

function write(level: Level, message: string, fields: LogFields = {}): void {
  if (LEVELS[level] < LEVELS[config().LOG_LEVEL]) return;
  const line = { time: new Date().toISOString(), level, message, ...invocation.getStore(), ...fields };
  process.stdout.write(`${JSON.stringify(line)}\n`);
}
