import { context, propagation, trace, SpanKind, SpanStatusCode, type Span, type TextMapGetter } from '@opentelemetry/api';
import { messageOf } from '../errors/index.ts';
import type { Headers } from '../log/types.ts';

/** One trace per request through all stages: the context travels in the records' W3C headers. */
export interface Tracing {
  /** Undefined when tracing is off: callers then do nothing, and pay nothing. */
  start(stage: string, topic: string, headers: Headers): RecordSpan | undefined;
  close(): Promise<void>;
}

export interface RecordSpan {
  /** The headers to put on outputs, so that the next stage's span is a child of this one. */
  readonly headers: Headers;
  end(error?: unknown): void;
}

export const noTracing: Tracing = {
  start: () => undefined,
  close: () => Promise.resolve(),
};

const getter: TextMapGetter<Headers> = {
  get: (carrier, key) => carrier[key],
  keys: (carrier) => Object.keys(carrier),
};

function recordSpan(span: Span): RecordSpan {
  const headers: Record<string, string> = {};
  propagation.inject(trace.setSpan(context.active(), span), headers);
  return {
    headers,
    end(error) {
      if (error !== undefined) span.setStatus({ code: SpanStatusCode.ERROR, message: messageOf(error) });
      span.end();
    },
  };
}

/**
 * Starts the OpenTelemetry SDK; endpoint, headers and sampler come from its standard OTEL_* variables.
 * Loaded only here, so that a process without tracing does not pay for the SDK.
 */
export async function startTracing(serviceName: string): Promise<Tracing> {
  const { NodeSDK } = await import('@opentelemetry/sdk-node');
  const sdk = new NodeSDK({ serviceName, instrumentations: [] });
  sdk.start();
  const tracer = trace.getTracer('tandem');
  return {
    start(stage, topic, headers) {
      const parent = propagation.extract(context.active(), headers, getter);
      const attributes = { 'messaging.system': 'kafka', 'messaging.destination.name': topic, 'tandem.stage': stage };
      return recordSpan(tracer.startSpan(`${stage} ${topic}`, { kind: SpanKind.CONSUMER, attributes }, parent));
    },
    close: () => sdk.shutdown(),
  };
}
