import type { Random } from '../clock/index.ts';

/** FNV-1a, 32 bits. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    value = Math.imul(value ^ text.charCodeAt(index), 0x01000193);
  }
  return value >>> 0;
}

/**
 * The same numbers for the same seed and purpose, on every machine. Each purpose has its own stream, so that a
 * change to one draw leaves the others as they were. Generator: mulberry32 (T. Ettinger, public domain).
 */
export function seededRandom(seed: number, purpose: string): Random {
  let state = hash(`${seed}/${purpose}`);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Uniform in [from, to). */
export function between(random: Random, from: number, to: number): number {
  return from + random() * (to - from);
}

/** One of them, each as likely; there has to be one. */
export function pick<Value>(random: Random, values: readonly Value[]): Value {
  return values[Math.floor(random() * values.length)]!;
}

/** Mean 1. */
export function exponential(random: Random): number {
  return -Math.log(1 - random());
}

/** Median 1; about two thirds lie within a factor of e^spread. (Box–Muller.) */
export function lognormal(random: Random, spread: number): number {
  const normal = Math.sqrt(2 * exponential(random)) * Math.cos(2 * Math.PI * random());
  return Math.exp(spread * normal);
}

/** A shuffled copy (Fisher–Yates). */
export function shuffled<Value>(random: Random, values: readonly Value[]): Value[] {
  const copy = [...values];
  for (let last = copy.length - 1; last > 0; last -= 1) {
    const other = Math.floor(random() * (last + 1));
    [copy[last], copy[other]] = [copy[other]!, copy[last]!];
  }
  return copy;
}
