import { pino, type Logger as PinoLogger } from 'pino';

export type Logger = PinoLogger;

export interface LoggerOptions {
  /** @default 'info' */
  level?: string;
  /** Fields on every line: stage, instance. */
  fields?: Record<string, unknown>;
}

/** JSON lines on standard error: standard output belongs to results. Payloads and secrets are never logged. */
export function createLogger({ level = 'info', fields = {} }: LoggerOptions = {}): Logger {
  return pino({ level, base: fields, timestamp: pino.stdTimeFunctions.isoTime }, pino.destination({ dest: 2, sync: false }));
}

/** For tests and the demo's quiet mode. */
export const silentLogger: Logger = pino({ level: 'silent' });
