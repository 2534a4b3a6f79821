import { assignCoPartitioned, type GroupAssignment } from '../assignment.ts';
import type { CommitPoint } from '../consumer-state.ts';
import type { TopicPartition } from '../types.ts';

/** A member, as its group sees it. */
export interface Member {
  readonly id: string;
  readonly topics: readonly string[];
  /** The partition numbers it owns. */
  owned(): number[];
  /** A rebalance begins: commit, deliver nothing until the assignment comes. */
  prepare(): void;
  assign(partitions: readonly TopicPartition[]): void;
}

/** What a group needs of the log. */
export interface GroupSurroundings {
  /** Undefined where the topic does not exist. */
  partitionCount(topic: string): number | undefined;
  defer(callback: () => void): void;
}

/** A consumer group: members, their partitions, committed offsets. Offsets outlive the members. */
export class Group {
  readonly id: string;
  readonly #surroundings: GroupSurroundings;
  readonly #members = new Map<string, Member>();
  readonly #committed = new Map<string, Map<number, number>>();
  #joined = 0;
  #rebalancing = false;

  constructor(id: string, surroundings: GroupSurroundings) {
    this.id = id;
    this.#surroundings = surroundings;
  }

  /** Members. */
  get size(): number {
    return this.#members.size;
  }

  nextMemberId(): string {
    return `${this.id}-${String(++this.#joined).padStart(6, '0')}`;
  }

  join(member: Member): void {
    this.#members.set(member.id, member);
    for (const topic of member.topics) if (!this.#committed.has(topic)) this.#committed.set(topic, new Map());
    this.#rebalance();
  }

  leave(memberId: string): void {
    if (this.#members.delete(memberId)) this.#rebalance();
  }

  commit(points: readonly CommitPoint[]): void {
    for (const { topic, partition, offset } of points) this.#committed.get(topic)?.set(partition, offset);
  }

  /** Offsets for members to come. */
  begin(points: readonly CommitPoint[]): void {
    for (const { topic } of points) if (!this.#committed.has(topic)) this.#committed.set(topic, new Map());
    this.commit(points);
  }

  /** −1 where nothing is committed. */
  committed(topic: string, partition: number): number {
    return this.#committed.get(topic)?.get(partition) ?? -1;
  }

  /** What the group still needs of a partition starts here; infinity where it does not read the topic. */
  floor(topic: string, partition: number): number {
    return this.#committed.has(topic) ? Math.max(0, this.committed(topic, partition)) : Number.POSITIVE_INFINITY;
  }

  forget(topic: string): void {
    if (this.#committed.delete(topic)) this.#rebalance();
  }

  /** Soon: members that join in the same turn share one. */
  #rebalance(): void {
    if (this.#rebalancing) return;
    this.#rebalancing = true;
    for (const member of this.#members.values()) member.prepare();
    this.#surroundings.defer(() => {
      this.#rebalancing = false;
      this.#handOut(this.#assignment());
    });
  }

  #assignment(): GroupAssignment {
    const members = [...this.#members.values()];
    const topics = new Set(members.flatMap((member) => member.topics));
    const counts = new Map<string, number>();
    for (const name of topics) {
      const partitions = this.#surroundings.partitionCount(name);
      if (partitions !== undefined) counts.set(name, partitions);
    }
    return assignCoPartitioned(members.map((member) => ({ id: member.id, topics: member.topics, owned: member.owned() })), counts);
  }

  /** First everyone gives up what went, then takes what came: a partition never has two owners. */
  #handOut(assignment: GroupAssignment): void {
    for (const member of this.#members.values()) member.prepare();
    const shares = [...this.#members.values()].map((member) => ({ member, partitions: flatten(assignment.get(member.id)) }));
    for (const { member, partitions } of shares) member.assign(partitions.filter(({ partition }) => member.owned().includes(partition)));
    for (const { member, partitions } of shares) member.assign(partitions);
  }
}

function flatten(topics: ReadonlyMap<string, number[]> | undefined): TopicPartition[] {
  return [...(topics ?? [])].flatMap(([topic, partitions]) => partitions.map((partition) => ({ topic, partition })));
}
