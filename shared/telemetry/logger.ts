import { pino, type DestinationStream, type Logger as PinoLogger } from 'pino';
import { redact } from './redact.ts';

export type Logger = PinoLogger;

export interface LoggerOptions {
  /** @default 'info' */
  level?: string;
  /** Fields on every line: stage, instance. */
  fields?: Record<string, unknown>;
  /** Values that never appear in a line, wherever they come from: an error's message, a library. @default none */
  secrets?: readonly string[];
}

/** Fields that a library's error may carry, such as the arguments of an AUTH command. */
const NEVER_LOGGED = ['password', 'sasl', 'command', 'err.command', 'err.cause', 'error.command', '*.password', '*.sasl'];

/** JSON lines on standard error: standard output belongs to results. Payloads and secrets are never logged. */
export function createLogger({ level = 'info', fields = {}, secrets = [] }: LoggerOptions = {}): Logger {
  const options = { level, base: fields, timestamp: pino.stdTimeFunctions.isoTime, redact: { paths: NEVER_LOGGED, remove: true } };
  return pino(options, redacting(pino.destination({ dest: 2, sync: false }), secrets));
}

function redacting(destination: DestinationStream, secrets: readonly string[]): DestinationStream {
  return { write: (line) => destination.write(redact(line, secrets)) };
}

/** For tests and the demo's quiet mode. */
export const silentLogger: Logger = pino({ level: 'silent' });
