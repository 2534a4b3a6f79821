import { messageOf } from '@tandem/shared/errors';
import type { Bench } from './bench.ts';
import type { Contender } from './contender.ts';

/** What the rounds of a contender gave; `failure` where one could not be measured. */
export interface Rounds<Result> {
  contender: Contender;
  results: Result[];
  failure: string | undefined;
}

/**
 * Measures all contenders in turn, again and again, every second time backwards, so that neither what drifts nor what came just
 * before favours one of them.
 */
export async function inRounds<Result>(bench: Bench, contenders: readonly Contender[], one: (contender: Contender) => Promise<Result>, tell: (result: Result) => string): Promise<Rounds<Result>[]> {
  const all = contenders
    .filter(({ name }) => bench.only === undefined || bench.only.some((text) => name.includes(text)))
    .map((contender): Rounds<Result> => ({ contender, results: [], failure: contender.unavailable }));
  for (let round = 0; round < bench.rounds; round += 1) {
    for (const entry of round % 2 === 0 ? all : all.toReversed()) {
      if (entry.failure !== undefined) continue;
      const startedAt = performance.now();
      try {
        const result = await one(entry.contender);
        entry.results.push(result);
        bench.progress(`${entry.contender.name}: ${tell(result)} (${((performance.now() - startedAt) / 1_000).toFixed(0)} s)`);
      } catch (error) {
        entry.failure = messageOf(error);
        bench.progress(`${entry.contender.name}: ${entry.failure}`);
      }
    }
  }
  return all;
}
