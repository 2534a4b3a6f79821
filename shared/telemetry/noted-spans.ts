import { ROOT_CONTEXT, SpanStatusCode, trace, type Attributes, type Context, type SpanContext, type SpanKind, type Tracer } from '@opentelemetry/api';
import type { SetIds } from './set-ids.ts';

/** What a span is made of. Times are epoch ms, or those of `performance`, which are smaller. */
export interface SpanNote {
  name: string;
  kind: SpanKind;
  context: SpanContext;
  parent: SpanContext | undefined;
  /** Asked for when the span is made. */
  attributes: () => Attributes;
  links: readonly SpanContext[];
  events: readonly { name: string; attributes: Attributes | undefined; at: number }[];
  startedAt: number;
  endedAt: number;
  /** Of what failed. */
  error: string | undefined;
}

const AT_ONCE = 256;
const AT_LATEST_MS = 1_000;

/**
 * Spans that have ended, until the SDK makes its own of them, many at once: one by one, while one record in a hundred is handled, each would
 * find the SDK’s code cold.
 */
export class NotedSpans {
  readonly #tracer: Tracer;
  readonly #nextIds: SetIds;
  readonly #redact: (text: string) => string;
  #ended: SpanNote[] = [];
  #timer: NodeJS.Timeout | undefined;
  #added = 0;

  /**
   * @param nextIds those that the tracer's provider asks for ids
   * @param redact takes secrets out of an error's message
   */
  constructor(tracer: Tracer, nextIds: SetIds, redact: (text: string) => string) {
    [this.#tracer, this.#nextIds, this.#redact] = [tracer, nextIds, redact];
  }

  /** How many so far. */
  get added(): number {
    return this.#added;
  }

  /** In the order in which they are to be exported. */
  add(note: SpanNote): void {
    this.#added += 1;
    this.#ended.push(note);
    if (this.#ended.length >= AT_ONCE) this.write();
    else this.#timer ??= setTimeout(() => this.write(), AT_LATEST_MS).unref();
  }

  /** Makes the SDK's spans of all; it exports them when it will, or is told to. */
  write(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const notes = this.#ended;
    this.#ended = [];
    for (const note of notes) this.#write(note);
    this.#nextIds.clear();
  }

  #write({ name, kind, context, parent, attributes, links, events, startedAt, endedAt, error }: SpanNote): void {
    this.#nextIds.set(context);
    const options = { kind, attributes: attributes(), links: links.map((linked) => ({ context: linked })), startTime: startedAt };
    const span = this.#tracer.startSpan(name, options, contextOf(parent));
    for (const event of events) span.addEvent(event.name, event.attributes, event.at);
    if (error !== undefined) span.setStatus({ code: SpanStatusCode.ERROR, message: this.#redact(error) });
    span.end(endedAt);
  }
}

function contextOf(parent: SpanContext | undefined): Context {
  return parent === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, parent);
}
