/** The next offset of each partition. Goes out as the id of each event, and comes back as Last-Event-ID. */
export type Positions = Map<number, number>;

/** For example `0:17,3:5`. */
export function writePositions(positions: ReadonlyMap<number, number>): string {
  return [...positions].map(([partition, offset]) => `${partition}:${offset}`).join(',');
}

/** Undefined: it is not one of ours. */
export function readPositions(text: string): Positions | undefined {
  const entries = text.split(',').map((part) => /^(\d{1,4}):(\d{1,16})$/.exec(part));
  if (entries.includes(null)) return undefined;
  return new Map(entries.map((entry) => [Number(entry?.[1]), Number(entry?.[2])]));
}
