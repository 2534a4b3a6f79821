import { solve, type Constraint } from 'yalps';

/** One way to answer a request: a small model alone, a large one alone, one after the other … */
export interface Path {
  /** Mean time of an answer, ms. */
  ms: number;
  /** 0..1, or any measure of which the mean means something. */
  accuracy: number;
  /** What an answer takes of each resource, ms of its time. Absent: its whole time, of one resource. */
  costMs?: Readonly<Record<string, number>>;
}

export interface ShareBounds {
  /** Mean over all answers. @default none */
  maxMeanMs?: number;
  /** Mean over all answers. @default none */
  minMeanAccuracy?: number;
  /** ms that each resource gives per second: 1,000 for each session. @default 1000 of each */
  capacityMs?: Readonly<Record<string, number>>;
}

/** What shares of the paths come to. */
export interface Shares {
  /** In the order of the paths; their sum is 1. */
  shares: number[];
  perSecond: number;
  meanMs: number;
  meanAccuracy: number;
}

const ONE_RESOURCE = 'time';
const SECOND_MS = 1_000;

function costsOf({ costMs, ms }: Path): Readonly<Record<string, number>> {
  return costMs ?? { [ONE_RESOURCE]: ms };
}

function resourcesOf(paths: readonly Path[]): string[] {
  return [...new Set(paths.flatMap((path) => Object.keys(costsOf(path))))];
}

/** What given shares come to; throughput is what the scarcest resource allows. */
export function evaluateShares(paths: readonly Path[], shares: readonly number[], capacityMs: Readonly<Record<string, number>> = {}): Shares {
  const mean = (of: (path: Path) => number) => paths.reduce((sum, path, index) => sum + shares[index]! * of(path), 0);
  const perSecond = Math.min(...resourcesOf(paths).map((name) => (capacityMs[name] ?? SECOND_MS) / mean((path) => costsOf(path)[name] ?? 0)));
  return { shares: [...shares], perSecond, meanMs: mean(({ ms }) => ms), meanAccuracy: mean(({ accuracy }) => accuracy) };
}

/**
 * The shares of the paths with the highest throughput whose mean latency and mean accuracy are within bounds: a linear program over the rates
 * y of the paths, max Σy subject to Σy·(t − Tmax) ≤ 0, Σy·(Amin − a) ≤ 0 and Σy·c ≤ C for each resource; shares are y/Σy. The mean latency and
 * accuracy of shares are the published analysis of routing between a light and a heavy model; accuracy scaling by a program is Proteus'
 * (Ahmad et al., ASPLOS 2024). Undefined: no shares are within the bounds.
 */
export function optimalShares(paths: readonly Path[], { maxMeanMs = Infinity, minMeanAccuracy = -Infinity, capacityMs = {} }: ShareBounds): Shares | undefined {
  const resources = resourcesOf(paths);
  const constraints: Record<string, Constraint> = Object.fromEntries(resources.map((name) => [`cost ${name}`, { max: 1 }]));
  if (maxMeanMs !== Infinity) constraints['latency'] = { max: 0 };
  if (minMeanAccuracy !== -Infinity) constraints['accuracy'] = { min: 0 };
  // Of the order of 1 each: what a resource gives is 1, not thousands of ms.
  const variables = paths.map((path, index) => [String(index), {
    rate: 1,
    ...(maxMeanMs === Infinity ? {} : { latency: path.ms / maxMeanMs - 1 }),
    ...(minMeanAccuracy === -Infinity ? {} : { accuracy: path.accuracy - minMeanAccuracy }),
    ...Object.fromEntries(resources.map((name) => [`cost ${name}`, (costsOf(path)[name] ?? 0) / (capacityMs[name] ?? SECOND_MS)])),
  }] as const);
  const solution = solve({ direction: 'maximize', objective: 'rate', constraints, variables });
  if (solution.status !== 'optimal' || !(solution.result > 0)) return undefined;
  const rates = new Map(solution.variables.map(([name, rate]) => [Number(name), rate]));
  const all = solution.variables.reduce((sum, [, rate]) => sum + rate, 0);
  return evaluateShares(paths, paths.map((_path, index) => (rates.get(index) ?? 0) / all), capacityMs);
}

/**
 * The same for two paths that share one resource, by hand: as much of the quicker one as the accuracy allows.
 */
export function optimalSharesOfTwo(paths: readonly [Path, Path], { maxMeanMs = Infinity, minMeanAccuracy = -Infinity }: Omit<ShareBounds, 'capacityMs'>): Shares | undefined {
  const [a, b] = paths;
  const [quick, slow] = a.ms <= b.ms ? [a, b] : [b, a];
  const wanted = minMeanAccuracy <= quick.accuracy ? 0 : (minMeanAccuracy - quick.accuracy) / (slow.accuracy - quick.accuracy);
  // Not a number of 0..1: the slower one is no more accurate, or not enough.
  if (!(wanted >= 0 && wanted <= 1)) return undefined;
  const shares = quick === a ? [1 - wanted, wanted] : [wanted, 1 - wanted];
  const evaluated = evaluateShares(paths, shares);
  return evaluated.meanMs <= maxMeanMs ? evaluated : undefined;
}
