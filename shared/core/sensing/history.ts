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
  /** The most items that a model reads; a history that is kept to this length is as good as the whole. @default 1 */
  enough?: number | undefined;
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
export function historyAsOf(stored: StoredHistory, asOf: AsOf): KnownHistory {
  const decoded = stored.entries.map(decodeEntry);
  return asOf.interactions === undefined
    ? untilTime(decoded, stored.total, asOf)
    : firstInteractions(decoded, stored.total, asOf.interactions, asOf);
}

function firstInteractions(entries: readonly Entry[], total: number, wanted: number, asOf: AsOf): KnownHistory {
  const noLongerKept = total - entries.length;
  const kept = entries.slice(0, Math.max(0, wanted - noLongerKept));
  return known(kept, Math.min(wanted, total), wanted <= total, asOf);
}

function untilTime(entries: readonly Entry[], total: number, asOf: AsOf): KnownHistory {
  const { time = Infinity } = asOf;
  const kept = entries.filter((entry) => entry.time <= time);
  return known(kept, total - (entries.length - kept.length), true, asOf);
}

function known(kept: readonly Entry[], total: number, complete: boolean, { enough = 1 }: AsOf): KnownHistory {
  const exact = complete && kept.length >= Math.min(total, Math.max(1, enough));
  const history = kept.length === 0 ? undefined : { items: kept.map(({ itemId }) => itemId), total };
  return { history, times: kept.map(({ time }) => time), exact };
}
