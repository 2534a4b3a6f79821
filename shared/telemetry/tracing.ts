import { AsyncLocalStorage } from 'node:async_hooks';
import { SpanKind, TraceFlags, trace, type Attributes, type SpanContext } from '@opentelemetry/api';
import { messageOf } from '../errors/index.ts';
import type { Headers } from '../log/types.ts';
import { NotedSpans, type SpanNote } from './noted-spans.ts';
import { ParentsFirst, type PendingSpan } from './parents-first.ts';
import { patientFlush } from './patient-flush.ts';
import { redact } from './redact.ts';
import { SetIds, randomIds, type Ids } from './set-ids.ts';
import { idsOf, isUnsampled, lotOf, readTraceContext, writeTraceContext, type SpanOrigin } from './trace-context.ts';

/**
 * One trace per request through all stages: the context travels in the records' W3C headers. A sender's trace is gone on
 * with; a request without one begins its own.
 */
export interface Tracing {
  /** False: nothing below does anything, or costs anything. */
  readonly isOn: boolean;
  /**
   * Undefined: tracing is off, or the trace is not sampled; there is nothing to be done then.
   * @param topic or the route of a request over HTTP, which begins with a slash
   * @param origin the record's place: the span's ids then are the same whenever it is delivered again. @default random ids
   */
  start(stage: string, topic: string, headers: Headers, origin?: SpanOrigin): RecordSpan | undefined;
  /** Calls it; in it, and in what it awaits, `currentSpan` is this one. */
  run<Result>(span: RecordSpan | undefined, action: () => Result): Result;
  /** Exports what has ended, or gives up after a quarter of a second. Never rejects. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

export interface ChildOptions {
  /** @default internal */
  kind?: 'internal' | 'client';
  attributes?: Attributes;
  /** Spans of other traces, or of this one, that it belongs to too. */
  links?: readonly SpanContext[];
  /** Epoch ms. @default now */
  startedAt?: number;
  /** Spans of other traces link to it: it is exported when it has ended, and not only after its parent. @default false */
  isLinkedTo?: boolean;
}

/** Something that happens while a record is handled. */
export interface ChildSpan {
  readonly context: SpanContext;
  /** @param endedAt epoch ms. @default now */
  end(error?: unknown, endedAt?: number): void;
}

/** A record at a stage, from delivery until what it led to is durable. */
export interface RecordSpan {
  /** The headers to put on outputs, so that the next stage's span is a child of this one, or is not sampled either. */
  readonly headers: Headers;
  readonly context: SpanContext;
  /** False: not sampled, and attributes and children are not worth making. */
  readonly recording: boolean;
  set(attributes: Attributes): void;
  event(name: string, attributes?: Attributes): void;
  /** To a span of another trace, or of this one, that it belongs to too. */
  link(context: SpanContext): void;
  child(name: string, options?: ChildOptions): ChildSpan;
  end(error?: unknown): void;
}

const KINDS = { internal: SpanKind.INTERNAL, client: SpanKind.CLIENT } as const;
const current = new AsyncLocalStorage<RecordSpan | undefined>();

/** Of the record that is being handled, where its trace is known; also one that is not sampled. */
export function currentSpan(): RecordSpan | undefined {
  return current.getStore();
}

/** For processes without a collector: does nothing, and costs nothing. */
export const noTracing: Tracing = {
  isOn: false,
  start: () => undefined,
  run: (_span, action) => action(),
  flush: () => Promise.resolve(),
  close: () => Promise.resolve(),
};

const NO_LINKS: readonly SpanContext[] = [];
const NO_EVENTS: SpanNote['events'] = [];

class TracedRecord implements RecordSpan {
  readonly headers: Headers;
  readonly context: SpanContext;
  readonly recording = true;
  readonly #spans: NotedSpans;
  readonly #order: PendingSpan;
  readonly #place: Place;
  readonly #parent: SpanContext | undefined;
  readonly #startedAt = performance.now();
  #attributes: Attributes | undefined;
  #events: SpanNote['events'] = NO_EVENTS;
  #links = NO_LINKS;

  constructor(ids: Ids, parent: SpanContext | undefined, place: Place, spans: NotedSpans, order: ParentsFirst) {
    this.context = { ...ids, traceFlags: TraceFlags.SAMPLED, ...(parent?.traceState === undefined ? {} : { traceState: parent.traceState }) };
    this.headers = writeTraceContext(this.context);
    [this.#parent, this.#place, this.#spans] = [parent, place, spans];
    this.#order = order.begin(ids.spanId, parent?.spanId);
  }

  set(attributes: Attributes): void {
    this.#attributes = { ...this.#attributes, ...attributes };
  }

  event(name: string, attributes?: Attributes): void {
    this.#events = [...this.#events, { name, attributes, at: performance.now() }];
  }

  link(context: SpanContext): void {
    this.#links = [...this.#links, context];
  }

  child(name: string, { kind = 'internal', attributes = {}, links = NO_LINKS, startedAt = performance.now(), isLinkedTo = false }: ChildOptions = {}): ChildSpan {
    const { traceId } = this.context;
    const context: SpanContext = { ...this.context, ...randomIds({ traceId }) };
    const order = isLinkedTo ? undefined : this.#order.child();
    const note = { name, kind: KINDS[kind], context, parent: this.context, attributes: () => attributes, links, events: NO_EVENTS, startedAt };
    return { context, end: (error, endedAt = performance.now()) => this.#end({ ...note, endedAt, error: messageOfAny(error) }, order) };
  }

  end(error?: unknown): void {
    const { stage, topic, origin } = this.#place;
    const attributes = () => ({ ...attributesOf(stage, topic, origin), ...this.#attributes });
    this.#end({
      name: `${stage} ${topic}`, kind: kindOf(topic, origin), context: this.context, parent: this.#parent, attributes,
      links: this.#links, events: this.#events, startedAt: this.#startedAt, endedAt: performance.now(), error: messageOfAny(error),
    }, this.#order);
  }

  /** The SDK exports spans in the order in which it hears of them. */
  #end(note: SpanNote, order: PendingSpan | undefined): void {
    if (order === undefined) this.#spans.add(note);
    else order.ended(() => this.#spans.add(note));
  }
}

function messageOfAny(error: unknown): string | undefined {
  return error === undefined ? undefined : messageOf(error);
}

const NO_CHILD_IS_SEEN = { end: () => undefined } as const;

/** One whose trace is not sampled from here on: all that is to be done is to tell those that come after, as the classifier, which would decide anew. */
class UnsampledRecord implements RecordSpan {
  readonly headers: Headers;
  readonly context: SpanContext;
  readonly recording = false;

  constructor(ids: Ids) {
    this.context = { ...ids, traceFlags: TraceFlags.NONE };
    this.headers = writeTraceContext(this.context);
  }

  set(): void {}

  event(): void {}

  link(): void {}

  child(): ChildSpan {
    return { context: this.context, ...NO_CHILD_IS_SEEN };
  }

  end(): void {}
}

/** Where a record is handled. */
interface Place {
  stage: string;
  topic: string;
  origin: SpanOrigin | undefined;
}

/** Of HTTP, where a gateway begins the trace. */
function isRoute(topic: string): boolean {
  return topic.startsWith('/');
}

/** The whole record may have been handed in, and be large. */
function placeOf(origin: SpanOrigin | undefined): SpanOrigin | undefined {
  if (origin === undefined) return undefined;
  const { partition, offset, timestamp, delivery = 1 } = origin;
  return { partition, offset, timestamp, delivery };
}

/** In memory, from one stage of a chain to the next. */
function isHandedOver(origin: SpanOrigin | undefined): boolean {
  return origin !== undefined && origin.offset < 0;
}

function kindOf(topic: string, origin: SpanOrigin | undefined): SpanKind {
  if (isRoute(topic)) return SpanKind.SERVER;
  return isHandedOver(origin) ? SpanKind.INTERNAL : SpanKind.CONSUMER;
}

/** OpenTelemetry's semantic conventions for messaging; what is handed over in memory has no broker. */
function attributesOf(stage: string, topic: string, origin: SpanOrigin | undefined): Attributes {
  if (isRoute(topic)) return { 'http.route': topic, 'tandem.stage': stage };
  const attributes: Attributes = { 'messaging.operation.name': 'process', 'messaging.operation.type': 'process', 'messaging.destination.name': topic, 'tandem.stage': stage };
  if (origin === undefined) return { ...attributes, 'messaging.system': 'kafka' };
  if (origin.offset < 0) return { ...attributes, 'tandem.chained': true };
  attributes['messaging.system'] = 'kafka';
  attributes['messaging.destination.partition.id'] = String(origin.partition);
  attributes['messaging.kafka.offset'] = origin.offset;
  if ((origin.delivery ?? 1) > 1) attributes['tandem.delivery'] = origin.delivery ?? 1;
  return attributes;
}

/**
 * Starts the OpenTelemetry SDK; endpoint, headers and sampler come from its standard OTEL_* variables.
 * Loaded only here, so that a process without tracing does not pay for the SDK.
 * @param environment names the sampler; the SDK reads the process's own for the rest
 * @param secrets values that no span shows, whatever error it tells of. @default none
 * @throws {TandemError} `settings_invalid`: a sampler that is none
 */
export async function startTracing(serviceName: string, environment: Readonly<Record<string, string | undefined>>, secrets: readonly string[] = []): Promise<Tracing> {
  const [{ NodeSDK }, { samplingOf }] = await Promise.all([import('@opentelemetry/sdk-node'), import('./sampler.ts')]);
  const nextIds = new SetIds();
  const { sampler, samples, sampledBelow } = samplingOf(environment);
  // Traces alone: metrics are scraped, logs are lines on standard error.
  const sdk = new NodeSDK({ serviceName, sampler, idGenerator: nextIds, instrumentations: [], metricReaders: [], logRecordProcessors: [] });
  sdk.start();
  const spans = new NotedSpans(trace.getTracer('tandem'), nextIds, (text) => redact(text, secrets));
  const order = new ParentsFirst();
  // Asked before anything is made. Of the stages the classifier alone begins any: what comes to others without a trace is of one that nobody
  // samples, so no header has to say that.
  const begins = (stage: string, origin: SpanOrigin | undefined) => origin === undefined || (stage === 'classifier' && lotOf(origin) < sampledBelow);
  return {
    isOn: true,
    start(stage, topic, headers, origin) {
      // Nearly all of them where one trace in a hundred is sampled.
      if (headers['traceparent'] === undefined && !begins(stage, origin)) return undefined;
      // Decided already, by whoever began the trace.
      if (isUnsampled(headers, isHandedOver(origin))) return undefined;
      const parent = readTraceContext(headers);
      if (parent === undefined ? !begins(stage, origin) : (parent.traceFlags & TraceFlags.SAMPLED) === 0) return undefined;
      const ids = origin === undefined ? randomIds(parent) : idsOf(stage, topic, parent, origin);
      return samples(parent, ids.traceId) ? new TracedRecord(ids, parent, { stage, topic, origin: placeOf(origin) }, spans, order) : new UnsampledRecord(ids);
    },
    // One without a span may be begun by another's.
    run: (span, action) => (span === undefined && current.getStore() === undefined ? action() : current.run(span, action)),
    flush: patientFlush({
      added: () => spans.added,
      flush: () => {
        spans.write();
        return exportEnded();
      },
    }),
    close() {
      spans.write();
      return sdk.shutdown();
    },
  };
}

interface Flushable {
  forceFlush(): Promise<void>;
  getDelegate?(): Flushable;
}

async function exportEnded(): Promise<void> {
  const provider = trace.getTracerProvider() as unknown as Flushable;
  await (provider.getDelegate?.() ?? provider).forceFlush();
}
