import { partitionOfKey } from '@tandem/shared/log';

export interface KeySpec {
  /** Different affinity keys: users, sessions, languages. */
  count: number;
  /** Of Zipf's law: the k-th most frequent comes k^exponent times more seldom than the first. 0: all alike. */
  exponent: number;
  /** Each key is spread over so many sub-keys, so that several workers share it; 1: it is kept together. */
  split: number;
}

/** More keys than this differ from it by little: beyond, each is one of many. */
const MOST_KEYS = 200_000;

/** Of all requests, those of the most frequent (sub-)key. */
export function hottestShare({ count, exponent, split }: KeySpec): number {
  let sum = 0;
  for (let rank = 1; rank <= count; rank += 1) sum += rank ** -exponent;
  return 1 / sum / split;
}

/**
 * Shares of the requests that fall on each partition, by Kafka's own hash of the keys. Keys beyond a number are
 * taken together as evenly spread.
 */
export function partitionLoads({ count, exponent, split }: KeySpec, partitions: number): Float64Array {
  const loads = new Float64Array(partitions);
  const single = Math.max(1, Math.min(count, Math.floor(MOST_KEYS / split)));
  let sum = 0;
  for (let rank = 1; rank <= single; rank += 1) {
    const weight = rank ** -exponent / split;
    for (let part = 0; part < split; part += 1) {
      const partition = partitionOfKey(split === 1 ? `key-${rank}` : `key-${rank}/${part}`, partitions);
      loads[partition] = loads[partition]! + weight;
      sum += weight;
    }
  }
  let rest = 0;
  for (let rank = single + 1; rank <= count; rank += 1) rest += rank ** -exponent;
  return loads.map((load) => (load + rest / partitions) / (sum + rest));
}

/** The share of the busiest of so many workers, each with as many partitions as the others, dealt out in turn. */
export function busiestShare(loads: Float64Array, workers: number): number {
  const shares = new Float64Array(workers);
  loads.forEach((load, partition) => {
    shares[partition % workers] = shares[partition % workers]! + load;
  });
  return Math.max(...shares);
}
