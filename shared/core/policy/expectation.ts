import type { Forecast } from './types.ts';

/** From dispatch until its outcome is heard of, ms. */
export function expectedMsOf({ queueMs, computeMs, returnMs }: Pick<Forecast, 'queueMs' | 'computeMs' | 'returnMs'>): number {
  return queueMs + computeMs + returnMs;
}

/** As a part of a decision's reason; `readExpectation` reads it again. */
export function describeForecast(forecast: Forecast): string {
  const { queueMs, computeMs } = forecast;
  return `expected queue ${queueMs.toFixed(1)}, compute ${computeMs.toFixed(2)}, done in ${expectedMsOf(forecast).toFixed(1)} ms`;
}

/** What a decision expected, ms: until the batch began, of the batch, and from the dispatch until its outcome was heard of. */
export interface Expectation {
  queueMs: number;
  computeMs: number;
  doneInMs: number;
}

const PATTERN = /expected queue ([\d.]+), compute ([\d.]+), done in ([\d.]+) ms/;

/** Of a response's `steps[].reason`; undefined: nothing was expected. */
export function readExpectation(reason: string): Expectation | undefined {
  const match = PATTERN.exec(reason);
  return match === null ? undefined : { queueMs: Number(match[1]), computeMs: Number(match[2]), doneInMs: Number(match[3]) };
}
