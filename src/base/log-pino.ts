import { type Logger, pino } from 'pino';
import type { Log } from './log.ts';

/** Log lines as JSON on standard error, by pino. */
export function pinoLog(level: 'silent' | 'error' | 'warn' | 'info'): Log {
  const logger: Logger = pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime },
    pino.destination({ dest: 2, sync: true }),
  );
  return {
    info: (event, fields = {}) => logger.info({ ...fields, event }),
    warn: (event, fields = {}) => logger.warn({ ...fields, event }),
    error: (event, error, fields = {}) => logger.error({ ...fields, event, ...shape(error) }),
  };
}

/** What may be known of an error in a log: its type, code and where it came from; its message may quote the user. */
function shape(error: unknown): { type: string; code?: string; at?: string; cause?: unknown } {
  if (!(error instanceof Error)) return { type: typeof error };
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  // The message comes first in the stack, and may hold lines that look like positions.
  const at = error.stack
    ?.replace(error.message, '')
    .split('\n')
    .filter((line) => /^\s+at /.test(line))
    .slice(0, 8)
    .map((line) => line.trim().replace(/^at /, ''))
    .join(' < ');
  return {
    type: error.name,
    ...(code === undefined ? {} : { code }),
    ...(at === undefined ? {} : { at }),
    ...(error.cause === undefined ? {} : { cause: shape(error.cause) }),
  };
}
