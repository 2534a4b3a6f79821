import { pino, type DestinationStream, type Logger as PinoLogger } from 'pino';
import { redact } from './redact.ts';
import { currentSpan } from './tracing.ts';

/** Writes JSON lines to standard error. */
export type Logger = PinoLogger;

/** How much is logged, with what on each line, and what never. */
export interface LoggerOptions {
  /** @default 'info' */
  level?: string;
  /** Fields on every line: stage, instance. */
  fields?: Record<string, unknown>;
  /** Values that never appear in a line, wherever they come from: an error's message, a library. @default none */
  secrets?: readonly string[];
}

export const LOG_LEVELS: readonly string[] = ['trace', 'debug', 'info', 'warn', 'error', 'silent'];

/**
 * Fields that hold a secret, such as the arguments of an AUTH command in a library's error, or what a user sent. Nobody
 * logs payloads on purpose; these are for the day on which somebody logs a whole record.
 */
const NEVER_LOGGED = [
  'password', 'sasl', 'command', 'err.command', 'err.cause', 'error.command', '*.password', '*.sasl', 'authorization', '*.authorization',
  'value', '*.value', 'payload', '*.payload', 'input', '*.input', 'body', '*.body',
];

/** JSON lines on standard error: standard output belongs to results. Payloads and secrets are never logged. */
export function createLogger({ level = 'info', fields = {}, secrets = [] }: LoggerOptions = {}): Logger {
  const options = { level, base: fields, timestamp: pino.stdTimeFunctions.isoTime, mixin: traceIds, redact: { paths: NEVER_LOGGED, remove: true } };
  return pino(options, redacting(pino.destination({ dest: 2, sync: false }), secrets));
}

/** Leads from a line to the trace of the record that was handled; also where that one is not sampled. */
function traceIds(): object {
  const span = currentSpan();
  return span === undefined ? {} : { trace_id: span.context.traceId, span_id: span.context.spanId };
}

function redacting(destination: DestinationStream, secrets: readonly string[]): DestinationStream {
  return { write: (line) => destination.write(redact(line, secrets)) };
}

/** For tests and the demo's quiet mode. */
export const silentLogger: Logger = pino({ level: 'silent' });
