import { evaluateShares, optimalShares } from '@tandem/shared/core';
import { between, seededRandom } from '@tandem/shared/random';
import type { Random } from '@tandem/shared/clock';

/** The linear program of optimal-share against trying everything. */
export interface SharesCheck {
  /** Cases in which some shares are within the bounds. */
  checked: number;
  /** Cases without any: the program has to say so too. */
  infeasible: number;
  /** How much less the program found than the best of the grid, at worst, as a share of it; below 0: it found more, as it may. */
  worstShortfall: number;
  /** Found by one, and not by the other. */
  disagreements: number;
}

const CASES = 300;
const STEPS = 40;
const TOLERANCE = 1e-9;

/** All shares of three paths in steps of 2.5 %. */
const GRID = Array.from({ length: STEPS + 1 }, (_, i) => Array.from({ length: STEPS + 1 - i }, (__, j) => [i / STEPS, j / STEPS, (STEPS - i - j) / STEPS])).flat();

function caseOf(random: Random) {
  const paths = Array.from({ length: 3 }, () => ({ ms: between(random, 1, 100), accuracy: between(random, 0.7, 1) }));
  return { paths, bounds: { maxMeanMs: between(random, 5, 100), minMeanAccuracy: between(random, 0.7, 1) } };
}

/** Random paths and bounds, each solved and enumerated. */
export function checkShares(seed: number): SharesCheck {
  const random = seededRandom(seed, 'shares');
  const check: SharesCheck = { checked: 0, infeasible: 0, worstShortfall: -Infinity, disagreements: 0 };
  for (let index = 0; index < CASES; index += 1) {
    const { paths, bounds } = caseOf(random);
    const best = Math.max(0, ...GRID.map((shares) => evaluateShares(paths, shares))
      .filter(({ meanMs, meanAccuracy }) => meanMs <= bounds.maxMeanMs + TOLERANCE && meanAccuracy >= bounds.minMeanAccuracy - TOLERANCE)
      .map(({ perSecond }) => perSecond));
    const found = optimalShares(paths, bounds)?.perSecond ?? 0;
    if (best > 0 && found === 0) check.disagreements += 1;
    if (best === 0 && found === 0) check.infeasible += 1;
    if (best === 0) continue;
    check.checked += 1;
    check.worstShortfall = Math.max(check.worstShortfall, (best - found) / best);
  }
  return check;
}
