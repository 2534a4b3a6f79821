import type { UserHistory } from '../adapters/types.ts';

/** What the feature store keeps of a user: the newest entries, oldest first, and how many there ever were. */
export interface StoredHistory {
  entries: readonly string[];
  total: number;
}

/** The moment that features are wanted as of. Without either: everything known. */
export interface AsOf {
  /** Exactly the user's first n interactions; wins over `time`. */
  interactions?: number | undefined;
  /** Interactions later than this (epoch ms) are left out. */
  time?: number | undefined;
  /** Only the newest this many are wanted. @default all */
  length?: number | undefined;
}

export interface KnownHistory {
  /** Undefined: nothing is known of the user as of then. */
  history: UserHistory | undefined;
  /** Epoch ms, of the same interactions as `history.items`. */
  times: readonly number[];
  /** False: not exactly what was asked for: some are not known yet, or not kept any more. */
  exact: boolean;
}

interface Entry {
  itemId: string;
  time: number;
}

/** `itemId:time`, the time in base 36: 9 bytes instead of 13 for each of up to 256 entries a user. */
export function encodeEntry(itemId: string, time: number): string {
  return `${itemId}:${time.toString(36)}`;
}

function decodeEntry(entry: string): Entry {
  const colon = entry.lastIndexOf(':');
  return { itemId: entry.slice(0, colon), time: Number.parseInt(entry.slice(colon + 1), 36) };
}

/** Cuts a stored history off at the moment that is asked for, so that a replayed request sees what it saw. */
export function historyAsOf({ entries, total }: StoredHistory, asOf: AsOf): KnownHistory {
  const { interactions, time, length = Infinity } = asOf;
  if (interactions !== undefined) {
    const noLongerKept = total - entries.length;
    const first = entries.slice(0, Math.max(0, interactions - noLongerKept));
    return known(newest(first, length).map(decodeEntry), Math.min(interactions, total), length, interactions <= total);
  }
  if (time === undefined) return known(newest(entries, length).map(decodeEntry), total, length, true);
  const until = entries.map(decodeEntry).filter((entry) => entry.time <= time);
  return known(newest(until, length), total - (entries.length - until.length), length, true);
}

function known(kept: readonly Entry[], total: number, length: number, complete: boolean): KnownHistory {
  const exact = complete && kept.length >= Math.min(total, length);
  const history = kept.length === 0 ? undefined : { items: kept.map(({ itemId }) => itemId), total };
  return { history, times: kept.map(({ time }) => time), exact };
}

function newest<Value>(values: readonly Value[], length: number): readonly Value[] {
  return values.length > length ? values.slice(values.length - length) : values;
}
