/** Something that goes wrong, in seconds from the start. */
export type Fault =
  /** A worker's process is gone; with `returnsAfterSeconds` another takes its place. */
  | { kind: 'worker-lost'; instance: string; atSeconds: number; returnsAfterSeconds?: number }
  /** A worker's batches take longer for a while. */
  | { kind: 'slow-worker'; instance: string; atSeconds: number; seconds: number; factor: number }
  /** Every batch of a variant fails for a while. */
  | { kind: 'variant-failing'; variant: string; atSeconds: number; seconds: number }
  /** The log takes and gives nothing for a while. */
  | { kind: 'broker-pause'; atSeconds: number; seconds: number };

interface Pause {
  fromMs: number;
  untilMs: number;
}

/** Faults as the parts of the flow ask for them. */
export class FaultPlan {
  readonly #faults: readonly Fault[];
  readonly #pauses: readonly Pause[];

  constructor(faults: readonly Fault[]) {
    this.#faults = faults;
    this.#pauses = faults.flatMap((fault) => fault.kind === 'broker-pause' ? [{ fromMs: fault.atSeconds * 1_000, untilMs: (fault.atSeconds + fault.seconds) * 1_000 }] : []);
  }

  get losses(): (Fault & { kind: 'worker-lost' })[] {
    return this.#faults.filter((fault) => fault.kind === 'worker-lost');
  }

  /** When a record that would come at a time comes, sent when it was. */
  arrival(sentAt: number, wouldCome: number): number {
    let at = wouldCome;
    for (const { fromMs, untilMs } of this.#pauses) if (sentAt < untilMs && at > fromMs) at = untilMs + (wouldCome - sentAt);
    return at;
  }

  /** By which factor a worker is slow. */
  slowness(instance: string, now: number): number {
    let factor = 1;
    for (const fault of this.#faults) {
      if (fault.kind === 'slow-worker' && fault.instance === instance && isDuring(fault, now)) factor *= fault.factor;
    }
    return factor;
  }

  fails(variant: string, now: number): boolean {
    return this.#faults.some((fault) => fault.kind === 'variant-failing' && fault.variant === variant && isDuring(fault, now));
  }
}

function isDuring({ atSeconds, seconds }: { atSeconds: number; seconds: number }, now: number): boolean {
  return now >= atSeconds * 1_000 && now < (atSeconds + seconds) * 1_000;
}
