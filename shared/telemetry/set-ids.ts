import { randomBytes } from 'node:crypto';

/** What a span gets as ids; the OpenTelemetry SDK asks for them while it starts the span. */
interface Ids {
  traceId: string;
  spanId: string;
}

/** Ids for the next span that is started, in the SDK's place; random ones where none are set. */
export class SetIds {
  #next: Ids | undefined;

  set(ids: Ids): void {
    this.#next = ids;
  }

  clear(): void {
    this.#next = undefined;
  }

  generateTraceId(): string {
    return this.#next?.traceId ?? randomBytes(16).toString('hex');
  }

  generateSpanId(): string {
    return this.#next?.spanId ?? randomBytes(8).toString('hex');
  }
}
