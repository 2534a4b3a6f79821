import type { Clock } from '../clock/index.ts';
import type { Delivery } from '../log/index.ts';

interface Held {
  cancel: () => void;
  /** What the record's value takes. */
  bytes: number;
  onRevoked: () => void;
}

export interface HoldCallbacks {
  onDue: () => void;
  /** Its partition went to another member. */
  onRevoked?: () => void;
}

const nothing = () => undefined;

/**
 * Deliveries that nobody works on: they are not due yet, or have been handed back. They stay unacknowledged, so
 * whatever happens to this process they are delivered again; a stop does not wait for them.
 */
export class HeldRecords {
  readonly #clock: Clock;
  readonly #held = new Map<Delivery, Held>();
  #bytes = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Those of partitions that are still ours. */
  get count(): number {
    let count = 0;
    for (const { owned } of this.#held.keys()) if (owned) count += 1;
    return count;
  }

  get size(): { records: number; bytes: number } {
    return { records: this.#held.size, bytes: this.#bytes };
  }

  /** Calls one of them: at the time (epoch ms) the first. */
  until(at: number, delivery: Delivery, { onDue, onRevoked = nothing }: HoldCallbacks): void {
    const cancel = this.#clock.schedule(at, () => {
      this.#release(delivery);
      if (delivery.owned) onDue();
      else onRevoked();
    });
    this.#add(delivery, { cancel, bytes: delivery.record.value?.byteLength ?? 0, onRevoked });
  }

  /** For good: whoever has the partition next gets it. */
  handBack(delivery: Delivery): void {
    this.#add(delivery, { cancel: nothing, bytes: 0, onRevoked: nothing });
  }

  /** Lets go of what went to other members. */
  sweep(): void {
    for (const [delivery, held] of [...this.#held]) {
      if (delivery.owned) continue;
      this.#release(delivery);
      held.onRevoked();
    }
  }

  /** Nothing becomes due any more; all of it counts as handed back. */
  stop(): void {
    for (const { cancel } of this.#held.values()) cancel();
  }

  #add(delivery: Delivery, held: Held): void {
    this.#held.set(delivery, held);
    this.#bytes += held.bytes;
  }

  #release(delivery: Delivery): void {
    const held = this.#held.get(delivery);
    if (held === undefined) return;
    held.cancel();
    this.#held.delete(delivery);
    this.#bytes -= held.bytes;
  }
}
