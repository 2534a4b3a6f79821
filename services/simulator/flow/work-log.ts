import { PartitionOwners } from './partition-owners.ts';
import type { SimWork } from './sim-request.ts';
import type { SimWorker } from './sim-worker.ts';

interface Topic {
  owners: PartitionOwners<SimWorker>;
  /** Of partitions whose owner does not read. */
  unread: Map<number, SimWork[]>;
}

/** The log between scheduler and workers: a topic for each variant and pool, each partition read by one worker of those that serve it. */
export class WorkLog {
  readonly #topics = new Map<string, Topic>();
  readonly #partitions: number;
  /** Assignments that are being made: what is delivered waits for them. */
  #pending = 0;

  constructor(workers: readonly SimWorker[], partitions: number) {
    this.#partitions = partitions;
    for (const worker of workers) this.join(worker, 0);
  }

  append(work: SimWork, now: number): void {
    const topic = this.#topic(nameOf(work));
    const { partition } = work.request;
    const owner = topic.owners.of(partition);
    if (owner?.alive === true && this.#pending === 0) return owner.take(work, now);
    const waiting = topic.unread.get(partition);
    if (waiting === undefined) topic.unread.set(partition, [work]);
    else waiting.push(work);
  }

  /** Work that a dead worker had not answered lies in the log, and waits there. */
  putBack(dead: SimWorker, work: readonly SimWork[]): void {
    if (dead.alive) throw new RangeError('only the dead put work back');
    for (const one of work) this.append(one, 0);
  }

  /** Some partition is still its own. */
  isOwner(worker: SimWorker): boolean {
    for (const { owners } of this.#topics.values()) if (owners.has(worker)) return true;
    return false;
  }

  suspend(): void {
    this.#pending += 1;
  }

  /** Followed by what has changed, which delivers what has waited. */
  goOn(): void {
    this.#pending -= 1;
  }

  leave(worker: SimWorker, now: number): void {
    for (const topic of this.#topics.values()) {
      topic.owners.leave(worker);
      this.#deliver(topic, now);
    }
  }

  join(worker: SimWorker, now: number): void {
    const { pool } = worker.spec;
    for (const variant of worker.serves) this.#topic(nameOf({ variant, pool })).owners.join(worker);
    for (const topic of this.#topics.values()) this.#deliver(topic, now);
  }

  #deliver({ owners, unread }: Topic, now: number): void {
    if (this.#pending > 0) return;
    for (const [partition, work] of unread) {
      const owner = owners.of(partition);
      if (owner?.alive !== true) continue;
      unread.delete(partition);
      for (const one of work) owner.take(one, now);
    }
  }

  #topic(name: string): Topic {
    const known = this.#topics.get(name);
    if (known !== undefined) return known;
    const topic: Topic = { owners: new PartitionOwners(this.#partitions), unread: new Map() };
    this.#topics.set(name, topic);
    return topic;
  }
}

function nameOf({ variant, pool }: Pick<SimWork, 'variant' | 'pool'>): string {
  return pool === undefined ? variant : `${variant}@${pool}`;
}
