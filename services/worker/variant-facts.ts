import { createHash } from 'node:crypto';
import type { Variant } from '@tandem/schemas';

/** Weight of the newest figure in the recent mean. */
const SMOOTHING = 0.1;

/** What the result cache knows of a variant. */
export interface VariantFacts {
  /** Of its whole registry entry: two entries that differ in anything have different ones. */
  readonly fingerprint: string;
  /** Stands for the fingerprint in this process. */
  readonly number: number;
  /** What a request's share of a batch has taken recently, ms; Infinity where nothing is known yet. */
  computeMs: number;
}

export class VariantsFacts {
  readonly #facts = new WeakMap<Variant, VariantFacts>();
  #next = 0;

  of(variant: Variant): VariantFacts {
    const known = this.#facts.get(variant);
    if (known !== undefined) return known;
    const fingerprint = createHash('sha256').update(JSON.stringify(variant)).digest('base64url');
    const facts = { fingerprint, number: (this.#next += 1), computeMs: Infinity };
    this.#facts.set(variant, facts);
    return facts;
  }

  observe(variant: Variant, computeMs: number): void {
    const facts = this.of(variant);
    facts.computeMs = facts.computeMs === Infinity ? computeMs : facts.computeMs + SMOOTHING * (computeMs - facts.computeMs);
  }
}
