import type { BatchSample } from '@tandem/simulator';
import { batchesOf } from './batch-log.ts';
import { othersTogether } from './cores-used.ts';
import type { TappedRun } from './tapped.ts';

/** Sessions that were busy, in the mean. */
export function busySessions({ steps, seconds }: Pick<TappedRun, 'steps' | 'seconds'>): number {
  return batchesOf(steps).reduce((sum, { computeMs }) => sum + computeMs, 0) / 1_000 / seconds;
}

/**
 * What each batch would have taken with a core of its own: its time, by the share of a core that a session had while so many computed. Of the shares it is known what they
 * come to: the sessions' CPU time.
 * @param cores that all of it shares
 */
export function timesAlone(run: TappedRun, cores: number): BatchSample[] {
  const batches = batchesOf(run.steps);
  const left = Math.max(0.1, cores - othersTogether(run.cores));
  const shareOf = (computing: number) => Math.min(1, left / computing);
  const changes = batches.flatMap(({ beganAt, endedAt }) => [{ at: beganAt, by: 1 }, { at: endedAt, by: -1 }]).sort((a, b) => a.at - b.at);
  const alone = new SharedTime(changes, shareOf);
  const samples = batches.map(({ size, beganAt, endedAt }) => ({ size, ms: alone.until(endedAt) - alone.until(beganAt) }));
  const known = run.cores.inference * run.seconds * 1_000;
  const scale = known / samples.reduce((sum, { ms }) => sum + ms, 0);
  return samples.map(({ size, ms }) => ({ size, ms: ms * scale }));
}

/** What one session computes until a time, ms, if others begin and end meanwhile. */
class SharedTime {
  readonly #at: number[] = [];
  readonly #done: number[] = [];
  readonly #share: number[] = [];

  constructor(changes: readonly { at: number; by: number }[], shareOf: (computing: number) => number) {
    let [before, done, computing] = [0, 0, 0];
    for (const { at, by } of changes) {
      done += (at - before) * shareOf(Math.max(1, computing));
      before = at;
      computing += by;
      this.#at.push(at);
      this.#done.push(done);
      this.#share.push(shareOf(Math.max(1, computing)));
    }
  }

  until(at: number): number {
    let [least, most] = [0, this.#at.length - 1];
    while (least < most) {
      const middle = (least + most + 1) >> 1;
      if (this.#at[middle]! <= at) least = middle;
      else most = middle - 1;
    }
    return this.#done[least]! + (at - this.#at[least]!) * this.#share[least]!;
  }
}
