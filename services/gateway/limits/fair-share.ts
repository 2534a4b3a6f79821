/** A part of something that there is only so much of. */
export interface Hold {
  /** One more holds it; each lets go once. */
  keep(): void;
  /** What the last one lets go of is free again; more calls do nothing. */
  release(): void;
}

export interface FairShareOptions {
  /** Of all tenants together, in whatever it is counted: calls, bytes. */
  capacity: number;
  /** The largest part of it that one tenant may hold while no other holds any, above 0; 1: all of it. */
  tenantShare: number;
}

/**
 * Holds back what one tenant takes so that others find something. A tenant may hold as much as α times what is free, α = s / (1 − s) for the
 * share s: alone it gets s of all, N that want all they can get have the same each and leave 1 / (1 + N·α) free for whoever comes next, and
 * nothing is set aside for tenants that are not there (dynamic thresholds: Choudhury and Hahne, IEEE/ACM Transactions on Networking 6(2), 1998).
 */
export class FairShare {
  readonly #capacity: number;
  readonly #alpha: number;
  readonly #byTenant = new Map<string, number>();
  #used = 0;

  constructor({ capacity, tenantShare }: FairShareOptions) {
    this.#capacity = capacity;
    this.#alpha = tenantShare / (1 - tenantShare);
  }

  get used(): number {
    return this.#used;
  }

  /** @param tenant undefined: of a gateway that knows none, so that there is nobody to share with. @returns undefined: not now */
  take(tenant: string | undefined, amount = 1): Hold | undefined {
    const free = this.#capacity - this.#used;
    if (amount > free) return undefined;
    if (tenant !== undefined && this.#of(tenant) + amount > this.#alpha * free) return undefined;
    this.#add(tenant, amount);
    return this.#hold(tenant, amount);
  }

  #hold(tenant: string | undefined, amount: number): Hold {
    let holders = 1;
    return {
      keep: () => void (holders += 1),
      release: () => {
        holders -= 1;
        if (holders === 0) this.#add(tenant, -amount);
      },
    };
  }

  #of(tenant: string): number {
    return this.#byTenant.get(tenant) ?? 0;
  }

  #add(tenant: string | undefined, amount: number): void {
    this.#used += amount;
    if (tenant === undefined) return;
    const own = this.#of(tenant) + amount;
    if (own > 0) this.#byTenant.set(tenant, own);
    else this.#byTenant.delete(tenant);
  }
}
