import type { ArmCounts, ExperimentControl, ExperimentReport } from '@tandem/schemas';
import { noCounts } from './arm-counts.ts';
import { bucketOf } from './latency-buckets.ts';
import { unitHash } from './unit-hash.ts';

/** Of so many users of an experiment it is remembered how often they were judged; who is forgotten counts as another user. */
const USERS = 100_000;

/** An answer, as far as its arm is concerned. */
export interface ArmAnswer {
  latencyMs: number;
  isBad: boolean;
  hasYielded: boolean;
}

/** How often a user was judged, and how often what he took was among the items. */
interface UserCounts {
  judged: number;
  hits: number;
}

/** What one process counts of one experiment. */
export class ExperimentTally {
  readonly #arms = new Map<string, ArmCounts>();
  /** By a hash: it is nobody's business here who they are. */
  readonly #users = new Map<number, UserCounts>();

  answered(arm: string, { latencyMs, isBad, hasYielded }: ArmAnswer): void {
    const counts = this.#of(arm);
    counts.answers += 1;
    counts.latency[bucketOf(latencyMs)]! += 1;
    if (isBad) counts.bad += 1;
    if (hasYielded) counts.yielded += 1;
  }

  /** Whether an answer was right. Sums over users are kept so that answers of one user need not be independent of each other. */
  judged(arm: string, userId: string, isHit: boolean): void {
    const counts = this.#of(arm);
    const { judged, hits } = this.#user(unitHash(arm, userId), counts, isHit);
    const hit = isHit ? 1 : 0;
    counts.judged += 1;
    counts.hits += hit;
    // (n + 1)² − n², (h + x)² − h² and (n + 1)(h + x) − nh.
    counts.judgedSquared += 2 * judged + 1;
    counts.hitsSquared += hit * (2 * hits + 1);
    counts.judgedHits += hits + hit * (judged + 1);
  }

  /** A copy's result, against the answer that went out. @param agreement 0..1 */
  compared(arm: string, agreement: number): void {
    const counts = this.#of(arm);
    counts.compared += 1;
    counts.agreed += agreement;
  }

  get arms(): Record<string, ArmCounts> {
    return Object.fromEntries([...this.#arms].map(([name, counts]) => [name, { ...counts, latency: [...counts.latency] }]));
  }

  #of(arm: string): ArmCounts {
    const counts = this.#arms.get(arm) ?? noCounts();
    this.#arms.set(arm, counts);
    return counts;
  }

  /** As the user was before. */
  #user(key: number, counts: ArmCounts, isHit: boolean): UserCounts {
    const before = this.#users.get(key);
    this.#users.delete(key);
    if (before === undefined) counts.users += 1;
    this.#users.set(key, { judged: (before?.judged ?? 0) + 1, hits: (before?.hits ?? 0) + (isHit ? 1 : 0) });
    if (this.#users.size > USERS) this.#users.delete(this.#users.keys().next().value ?? 0);
    return before ?? { judged: 0, hits: 0 };
  }
}

/** What one process counts of the experiments that there are: of each since it was started. */
export class ExperimentTallies {
  readonly #tallies = new Map<string, { startedAt: number; tally: ExperimentTally }>();

  /** @param control of an experiment that goes on */
  of({ definition: { name }, startedAt }: Pick<ExperimentControl, 'definition' | 'startedAt'>): ExperimentTally {
    const known = this.#tallies.get(name);
    if (known?.startedAt === startedAt) return known.tally;
    const tally = new ExperimentTally();
    this.#tallies.set(name, { startedAt, tally });
    return tally;
  }

  /** Those that are not named are forgotten. */
  keep(names: ReadonlySet<string>): void {
    for (const name of this.#tallies.keys()) if (!names.has(name)) this.#tallies.delete(name);
  }

  reports(source: string, time: number): ExperimentReport[] {
    return [...this.#tallies].map(([experiment, { startedAt, tally }]) => ({ kind: 'experiment', experiment, startedAt, source, time, arms: tally.arms }));
  }
}
