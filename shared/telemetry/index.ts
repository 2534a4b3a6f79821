export { createLogger, silentLogger, type Logger, type LoggerOptions } from './logger.ts';
export { createMetrics, type Metrics } from './metrics.ts';
export { OccasionalWarning } from './occasional-warning.ts';
export { redact } from './redact.ts';
export { traceBatch, type TracedBatch } from './batch-spans.ts';
export { tracedCache } from './traced-cache.ts';
export { currentSpan, noTracing, startTracing, type ChildSpan, type RecordSpan, type Tracing } from './tracing.ts';
export { startStatusServer, type StatusServer, type StatusServerOptions } from './http.ts';
