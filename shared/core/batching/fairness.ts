import { DEFAULT_TIER } from '@tandem/schemas';
import { FairShare, type Sharer } from './fair-share.ts';
import type { QueueRules } from './types.ts';

const FIRST_SWEEP = 256;

class Tier implements Sharer {
  at = -1;
  virtualMs = 0;
  waiting = 0;
  readonly weight: number;
  readonly tenants = new FairShare<Flow>();
  readonly flows = new Map<string, Flow>();
  #nextSweep = FIRST_SWEEP;

  constructor(weight: number) {
    this.weight = weight;
  }

  flow(tenant: string, weight: number): Flow {
    const known = this.flows.get(tenant);
    if (known !== undefined) return known;
    this.#sweep();
    const flow = new Flow(this, tenant, weight);
    this.flows.set(tenant, flow);
    return flow;
  }

  /** Tenants are named by whoever sends: only those with work or with a debt are remembered. */
  #sweep(): void {
    if (this.flows.size < this.#nextSweep) return;
    for (const [name, flow] of this.flows) {
      if (name !== '' && flow.waiting === 0 && flow.virtualMs <= this.tenants.floorMs) this.flows.delete(name);
    }
    this.#nextSweep = Math.max(FIRST_SWEEP, 2 * this.flows.size);
  }
}

/** A tenant's work of one tier. */
export class Flow implements Sharer {
  at = -1;
  virtualMs = 0;
  waiting = 0;
  readonly tier: Tier;
  readonly tenant: string;
  readonly weight: number;

  constructor(tier: Tier, tenant: string, weight: number) {
    this.tier = tier;
    this.tenant = tenant;
    this.weight = weight;
  }
}

export type { Tier };

/** Shares session time among tiers by weight, and a tier's among its tenants, whatever their work is grouped by. */
export class Fairness {
  readonly #tiers = new Map<string, Tier>();
  readonly #shares = new FairShare<Tier>();
  readonly #tenantWeights: ReadonlyMap<string, number>;
  readonly #windowMs: number;

  constructor(rules: QueueRules) {
    this.#tenantWeights = new Map(Object.entries(rules.tenantWeights));
    this.#windowMs = rules.fairnessWindowMs;
    for (const [name, weight] of Object.entries(rules.tierWeights)) this.#tiers.set(name, new Tier(weight));
    if (!this.#tiers.has(DEFAULT_TIER)) this.#tiers.set(DEFAULT_TIER, new Tier(1));
  }

  flow(tier: string = DEFAULT_TIER, tenant = ''): Flow {
    const known = this.#tiers.get(tier) ?? this.#tiers.get(DEFAULT_TIER)!;
    return known.flow(tenant, this.#tenantWeights.get(tenant) ?? 1);
  }

  added(flow: Flow): void {
    const { tier } = flow;
    if (tier.waiting === 0) this.#shares.enter(tier);
    if (flow.waiting === 0) tier.tenants.enter(flow);
    tier.waiting += 1;
    flow.waiting += 1;
  }

  left(flow: Flow): void {
    const { tier } = flow;
    tier.waiting -= 1;
    flow.waiting -= 1;
    if (flow.waiting === 0) tier.tenants.leave(flow);
    if (tier.waiting === 0) this.#shares.leave(tier);
  }

  /** @param ms session time */
  charge(flow: Flow, ms: number): void {
    this.#shares.charge(flow.tier, ms);
    flow.tier.tenants.charge(flow, ms);
  }

  /** Not ahead of another tier that waits by more than the window. */
  isTierWithin({ virtualMs }: Tier): boolean {
    return virtualMs <= this.#shares.floorMs + this.#windowMs;
  }

  /** Not ahead of another tenant of its tier by more than the window. */
  isFlowWithin({ virtualMs, tier }: Flow): boolean {
    return virtualMs <= tier.tenants.floorMs + this.#windowMs;
  }
}
