import { randomUUID } from 'node:crypto';

/** What a span gets as ids; the OpenTelemetry SDK asks for them while it starts the span. */
export interface Ids {
  traceId: string;
  spanId: string;
}

/** 122 random bits; Node keeps some in stock, where `randomBytes` asks for them each time: .3 µs instead of 3. */
function traceId(): string {
  return randomUUID().replaceAll('-', '');
}

function spanId(): string {
  return traceId().slice(0, 16);
}

/** @param parent whose trace goes on; undefined: one begins */
export function randomIds(parent: Pick<Ids, 'traceId'> | undefined): Ids {
  return { traceId: parent?.traceId ?? traceId(), spanId: spanId() };
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
    return this.#next?.traceId ?? traceId();
  }

  generateSpanId(): string {
    return this.#next?.spanId ?? spanId();
  }
}
