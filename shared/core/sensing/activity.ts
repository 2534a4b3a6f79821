const DAY_MS = 86_400_000;

/**
 * How active a user is: 1 − exp(−n/τ), where n counts interactions, each halved for every day of its age
 * (docs: the design's section on choosing). 0: nothing known; towards 1: many recent interactions.
 * An interaction after `at` counts as of that moment.
 * @param times epoch ms
 * @param at the request's moment, epoch ms
 * @param tau interactions at which activity is 1 − 1/e
 */
export function activityOf(times: readonly number[], at: number, tau: number): number {
  let count = 0;
  for (const time of times) count += 0.5 ** (Math.max(0, at - time) / DAY_MS);
  return 1 - Math.exp(-count / tau);
}
