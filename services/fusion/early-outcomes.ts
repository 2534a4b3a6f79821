import type { Clock } from '@tandem/shared/clock';
import type { StepOutcome } from '@tandem/shared/core';
import { RecordError } from '@tandem/shared/errors';
import type { StageOutput } from '@tandem/shared/runner';

type Outputs = readonly StageOutput[];

interface Held {
  outcomes: StepOutcome[];
  partition: number;
  settle: PromiseWithResolvers<Outputs>;
  cancelExpiry: () => void;
}

/** Outcomes that overtook their task: topics have no order between them. */
export class EarlyOutcomes {
  readonly #held = new Map<string, Held>();
  readonly #clock: Clock;
  readonly #holdMs: number;

  constructor(clock: Clock, holdMs: number) {
    this.#clock = clock;
    this.#holdMs = holdMs;
  }

  /** Settles with the answer of its request; rejects when no task comes. */
  hold(outcome: StepOutcome, partition: number): Promise<Outputs> {
    const known = this.#held.get(outcome.requestId);
    if (known !== undefined) {
      known.outcomes.push(outcome);
      return known.settle.promise;
    }
    const settle = Promise.withResolvers<Outputs>();
    const cancelExpiry = this.#clock.schedule(this.#clock.now() + this.#holdMs, () => this.#expire(outcome.requestId));
    this.#held.set(outcome.requestId, { outcomes: [outcome], partition, settle, cancelExpiry });
    return settle.promise;
  }

  /** What was held for a task that has come; it is acknowledged with `answered`. */
  take(requestId: string, answered: Promise<Outputs>): readonly StepOutcome[] {
    const held = this.#held.get(requestId);
    if (held === undefined) return [];
    this.#held.delete(requestId);
    held.cancelExpiry();
    answered.then(held.settle.resolve, held.settle.reject);
    return held.outcomes;
  }

  /** Whoever has the partitions now gets the outcomes again. */
  letGo(partitions: ReadonlySet<number>): void {
    for (const [requestId, held] of this.#held) {
      if (!partitions.has(held.partition)) continue;
      this.#held.delete(requestId);
      held.cancelExpiry();
      held.settle.resolve([]);
    }
  }

  #expire(requestId: string): void {
    const held = this.#held.get(requestId);
    this.#held.delete(requestId);
    held?.settle.reject(new RecordError('invalid_record', `no task of ${requestId} came within ${this.#holdMs} ms of its outcome`));
  }
}
