/** A member of a consumer group, as the assignment sees it. */
export interface GroupMember {
  id: string;
  topics: readonly string[];
  /** Partition numbers it owned before; a claim that another member also makes is settled by member id. */
  owned: readonly number[];
}

/** Member id → topic → partitions. Every member is in it, some perhaps with nothing. */
export type GroupAssignment = Map<string, Map<string, number[]>>;

/**
 * Sticky and co-partitioned: a partition number is owned by one member for all topics, so that records of one key meet
 * on one member whatever topic they are on. Members' shares differ by at most one number, and only as many numbers
 * move as that needs. Deterministic: every member would compute the same.
 */
export function assignCoPartitioned(members: readonly GroupMember[], partitionCounts: ReadonlyMap<string, number>): GroupAssignment {
  const owners = assignNumbers(members, Math.max(0, ...partitionCounts.values()));
  const assignment: GroupAssignment = new Map(members.map(({ id }) => [id, new Map<string, number[]>()]));
  for (const [topic, count] of partitionCounts) {
    const readers = members.filter(({ topics }) => topics.includes(topic)).map(({ id }) => id).sort();
    for (let partition = 0; partition < count && readers.length > 0; partition++) {
      const owner = owners[partition] ?? '';
      // Only while a group's subscription changes can the owner be one that does not read the topic.
      const reader = readers.includes(owner) ? owner : (readers[partition % readers.length] ?? '');
      const topics = assignment.get(reader);
      topics?.set(topic, [...(topics.get(topic) ?? []), partition]);
    }
  }
  return assignment;
}

/** The owner of each partition number. */
function assignNumbers(members: readonly GroupMember[], count: number): (string | undefined)[] {
  const owners = new Array<string | undefined>(count).fill(undefined);
  if (members.length === 0) return owners;
  const shares = keepClaims(members, owners);
  const smallest = Math.floor(count / members.length);
  let larger = count % members.length;
  // Whoever holds most keeps the shares that are one larger: that moves least.
  const ranked = [...shares].sort(([a, x], [b, y]) => y.length - x.length || compare(a, b));
  const room: string[] = [];
  for (const [id, numbers] of ranked) {
    const share = smallest + (larger > 0 ? 1 : 0);
    if (larger > 0) larger--;
    for (const given of numbers.splice(share)) owners[given] = undefined;
    for (let free = numbers.length; free < share; free++) room.push(id);
  }
  for (let number = 0; number < count; number++) owners[number] ??= room.shift();
  return owners;
}

function keepClaims(members: readonly GroupMember[], owners: (string | undefined)[]): Map<string, number[]> {
  const shares = new Map<string, number[]>();
  for (const { id, owned } of [...members].sort((a, b) => compare(a.id, b.id))) {
    const kept = [...new Set(owned)].filter((number) => number in owners && owners[number] === undefined).sort((a, b) => a - b);
    for (const number of kept) owners[number] = id;
    shares.set(id, kept);
  }
  return shares;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
