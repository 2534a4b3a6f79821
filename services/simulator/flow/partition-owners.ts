/** Which member of a group has which partition: an equal share each; when members come or go only what has to moves. */
export class PartitionOwners<Member> {
  readonly #owners: (Member | undefined)[];
  readonly #members = new Set<Member>();

  constructor(partitions: number) {
    this.#owners = new Array<Member | undefined>(partitions).fill(undefined);
  }

  /** Undefined: nobody. */
  of(partition: number): Member | undefined {
    return this.#owners[partition];
  }

  has(member: Member): boolean {
    return this.#members.has(member);
  }

  join(member: Member): void {
    this.#members.add(member);
    this.#settle();
  }

  /** @returns the partitions that it had, which others have now */
  leave(member: Member): number[] {
    this.#members.delete(member);
    const orphans = this.#owners.flatMap((owner, partition) => (owner === member ? [partition] : []));
    for (const partition of orphans) this.#owners[partition] = undefined;
    this.#settle();
    return orphans;
  }

  #settle(): void {
    if (this.#members.size === 0) return;
    const held = new Map([...this.#members].map((member) => [member, 0]));
    for (const owner of this.#owners) if (owner !== undefined) held.set(owner, held.get(owner)! + 1);
    const give = (partition: number) => {
      const [least] = [...held].reduce((best, one) => (one[1] < best[1] ? one : best));
      this.#owners[partition] = least;
      held.set(least, held.get(least)! + 1);
    };
    this.#owners.forEach((owner, partition) => {
      if (owner === undefined) give(partition);
    });
    this.#level(held);
  }

  /** Whoever joins gets a share of what others have. */
  #level(held: Map<Member, number>): void {
    for (;;) {
      const entries = [...held];
      const most = entries.reduce((best, one) => (one[1] > best[1] ? one : best));
      const least = entries.reduce((best, one) => (one[1] < best[1] ? one : best));
      if (most[1] - least[1] < 2) return;
      this.#owners[this.#owners.indexOf(most[0])] = least[0];
      held.set(most[0], most[1] - 1);
      held.set(least[0], least[1] + 1);
    }
  }
}
