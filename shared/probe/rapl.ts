import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

const FOLDER = '/sys/class/powercap';
/** Packages of a machine are few. */
const MOST_PACKAGES = 8;

interface Counter {
  microjoules: number;
  /** Where it begins anew. */
  range: number;
}

async function readNumber(path: string): Promise<number | undefined> {
  const value = Number.parseInt(await readFile(path, 'utf8').catch(() => ''), 10);
  return Number.isFinite(value) ? value : undefined;
}

async function readCounters(folder: string): Promise<Counter[]> {
  const counters = await Promise.all(Array.from({ length: MOST_PACKAGES }, async (_, index) => {
    const package_ = join(folder, `intel-rapl:${index}`);
    const [microjoules, range] = await Promise.all([readNumber(join(package_, 'energy_uj')), readNumber(join(package_, 'max_energy_range_uj'))]);
    return microjoules === undefined ? [] : [{ microjoules, range: range ?? 0 }];
  }));
  return counters.flat();
}

/**
 * What the processors take, by the running average power limit counters of Intel and AMD processors (Linux' powercap). Virtual machines
 * have none, and newer systems let only root read them: then it is unknown, never guessed.
 */
export class RaplPower {
  readonly #folder: string;
  #last: { at: number; counters: Counter[] } | undefined;

  constructor(folder = FOLDER) {
    this.#folder = folder;
  }

  /** Since the last call; undefined: unknown, or the first. @param now ms */
  async watts(now: number): Promise<number | undefined> {
    const counters = await readCounters(this.#folder);
    const last = this.#last;
    if (counters.length === 0) return undefined;
    this.#last = { at: now, counters };
    if (last === undefined || now <= last.at || last.counters.length !== counters.length) return undefined;
    const microjoules = counters.reduce((sum, { microjoules: joules, range }, index) => {
      const used = joules - last.counters[index]!.microjoules;
      return sum + (used < 0 ? used + range : used);
    }, 0);
    return microjoules / 1_000 / (now - last.at);
  }
}
