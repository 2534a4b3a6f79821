import { DEFAULT_TIER } from '@tandem/schemas';
import { FairShare, Share } from './fair-share.ts';
import type { QueueRules } from './types.ts';

const FIRST_SWEEP = 256;

class Tier {
  waiting = 0;
  readonly share: Share;
  readonly tenants = new FairShare();
  readonly flows = new Map<string, Flow>();
  #nextSweep = FIRST_SWEEP;

  constructor(weight: number) {
    this.share = new Share(weight);
  }

  flow(tenant: string, weights: ReadonlyMap<string, number>): Flow {
    const known = this.flows.get(tenant);
    if (known !== undefined) return known;
    this.#sweep();
    const flow = new Flow(this, tenant, weights.get(tenant) ?? 1);
    this.flows.set(tenant, flow);
    return flow;
  }

  /** Tenants are named by whoever sends: only those with work or with a debt are remembered. */
  #sweep(): void {
    if (this.flows.size < this.#nextSweep) return;
    for (const [name, flow] of this.flows) {
      if (name !== '' && flow.waiting === 0 && flow.share.virtualMs <= this.tenants.floorMs) this.flows.delete(name);
    }
    this.#nextSweep = Math.max(FIRST_SWEEP, 2 * this.flows.size);
  }
}

/** A tenant's work of one tier. */
export class Flow {
  waiting = 0;
  readonly tier: Tier;
  readonly tenant: string;
  readonly share: Share;

  constructor(tier: Tier, tenant: string, weight: number) {
    this.tier = tier;
    this.tenant = tenant;
    this.share = new Share(weight);
  }
}

export type { Tier };

/** Shares session time among tiers by weight, and a tier's among its tenants, whatever their work is grouped by. */
export class Fairness {
  readonly #tiers = new Map<string, Tier>();
  readonly #shares = new FairShare();
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
    return known.flow(tenant, this.#tenantWeights);
  }

  added(flow: Flow): void {
    const { tier } = flow;
    if (tier.waiting === 0) this.#shares.enter(tier.share);
    if (flow.waiting === 0) tier.tenants.enter(flow.share);
    tier.waiting += 1;
    flow.waiting += 1;
  }

  left(flow: Flow): void {
    const { tier } = flow;
    tier.waiting -= 1;
    flow.waiting -= 1;
    if (flow.waiting === 0) tier.tenants.leave(flow.share);
    if (tier.waiting === 0) this.#shares.leave(tier.share);
  }

  /** @param ms session time */
  charge(flow: Flow, ms: number): void {
    this.#shares.charge(flow.tier.share, ms);
    flow.tier.tenants.charge(flow.share, ms);
  }

  /** Not ahead of another tier that waits by more than the window. */
  isTierWithin({ share }: Tier): boolean {
    return share.virtualMs <= this.#shares.floorMs + this.#windowMs;
  }

  /** Not ahead of another tenant of its tier by more than the window. */
  isFlowWithin({ share, tier }: Flow): boolean {
    return share.virtualMs <= tier.tenants.floorMs + this.#windowMs;
  }
}
