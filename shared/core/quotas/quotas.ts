/** Requests a second; `*`: each of those that are not named. What has no quota is not bounded. */
export interface QuotaRules {
  workloads: Readonly<Record<string, number>>;
  tenants: Readonly<Record<string, number>>;
}

/** A burst may be as large as what comes in this time, ms: it is what others may have to wait for. */
const BURST_MS = 100;
/** Those who may send little may send so many at once, but not more than in a second. */
const LEAST_BURST = 5;
/** Tenants are named by whoever sends: those that have been quiet are forgotten from so many on. */
const FIRST_SWEEP = 1_024;

/** Fills at its rate, up to a burst (token bucket: ITU-T I.371's generic cell rate). */
class Bucket {
  readonly #perSecond: number;
  #tokens: number;
  #at: number;

  constructor(perSecond: number, share: number, now: number) {
    this.#perSecond = perSecond;
    this.#tokens = this.#mostOf(share);
    this.#at = now;
  }

  has(share: number, now: number): boolean {
    this.#fill(share, now);
    return this.#tokens >= 1;
  }

  take(): void {
    this.#tokens -= 1;
  }

  isFull(share: number, now: number): boolean {
    this.#fill(share, now);
    return this.#tokens >= this.#mostOf(share);
  }

  /** Records of several partitions are not quite in the order of their times: an earlier one fills nothing. */
  #fill(share: number, now: number): void {
    const sinceMs = Math.max(0, now - this.#at);
    this.#at += sinceMs;
    this.#tokens = Math.min(this.#mostOf(share), this.#tokens + (this.#perSecond * share * sinceMs) / 1_000);
  }

  #mostOf(share: number): number {
    const perSecond = this.#perSecond * share;
    return Math.max(1, Math.min(LEAST_BURST, perSecond), (perSecond * BURST_MS) / 1_000);
  }
}

/**
 * Lets as many requests in of each workload and tenant as its quota says. Judged by when they were sent, not by when they are read, so a
 * backlog that is worked off fast is not refused for it, and several who read agree. Each reader has its share of the partitions, and
 * of every quota as much; nobody has to count together.
 */
export class Quotas {
  readonly #rules: QuotaRules;
  readonly #buckets = new Map<string, Bucket>();
  #share = 1;
  #nextSweep = FIRST_SWEEP;

  constructor(rules: QuotaRules) {
    this.#rules = rules;
  }

  /** Something is bounded. */
  get isOn(): boolean {
    return Object.keys(this.#rules.workloads).length + Object.keys(this.#rules.tenants).length > 0;
  }

  /** @param share of all partitions that are read here, 0..1 */
  reads(share: number): void {
    this.#share = share;
  }

  /**
   * Counts a request in where both quotas allow it.
   * @param at when it was appended, epoch ms
   * @returns why it is refused
   */
  refused(workload: string, tenant: string | undefined, at: number): string | undefined {
    const ofWorkload = this.#bucketOf('workload', this.#rules.workloads, workload, at);
    const ofTenant = tenant === undefined ? undefined : this.#bucketOf('tenant', this.#rules.tenants, tenant, at);
    if (ofWorkload?.bucket.has(this.#share, at) === false) return `workload ${workload} has more than its ${ofWorkload.perSecond} requests a second`;
    if (ofTenant?.bucket.has(this.#share, at) === false) return `tenant ${tenant} has sent more than its ${ofTenant.perSecond} requests a second`;
    ofWorkload?.bucket.take();
    ofTenant?.bucket.take();
    return undefined;
  }

  #bucketOf(kind: string, rates: Readonly<Record<string, number>>, name: string, at: number): { bucket: Bucket; perSecond: number } | undefined {
    const perSecond = Object.hasOwn(rates, name) ? rates[name] : rates['*'];
    if (perSecond === undefined) return undefined;
    const key = `${kind} ${name}`;
    const known = this.#buckets.get(key);
    if (known !== undefined) return { bucket: known, perSecond };
    this.#sweep(at);
    const bucket = new Bucket(perSecond, this.#share, at);
    this.#buckets.set(key, bucket);
    return { bucket, perSecond };
  }

  #sweep(at: number): void {
    if (this.#buckets.size < this.#nextSweep) return;
    for (const [key, bucket] of this.#buckets) if (bucket.isFull(this.#share, at)) this.#buckets.delete(key);
    this.#nextSweep = Math.max(FIRST_SWEEP, 2 * this.#buckets.size);
  }
}
