import type { Outcome, Task, Variant, Work, Workload } from '@tandem/schemas';
import { createMemoryCache, type Cache } from '@tandem/shared/cache';
import { ManualClock } from '@tandem/shared/clock';
import { TandemError } from '@tandem/shared/errors';
import { cancelledOutcome, completedOutcome, expiredOutcome, failedOutcome, redispatchOutcome } from './outcomes.ts';
import type { Submission } from './pending-work.ts';
import { ResultReuse, type ResultReuseOptions } from './result-reuse.ts';
import { ServedVariant } from './served-variant.ts';
import { lookup, work as workOf } from './testing.ts';

/** For the tests of the result cache: one over computations that end when, and as, the test says so. */

/** What a request's share of a batch takes in these tests. */
export const MS = 4;
export const variantOf = (version: string): Variant => ({ ...lookup, version });

export function served(variant = variantOf('1'), adapter: object = {}): ServedVariant {
  return new ServedVariant({ variant } as never, { name: 'lookup', ...adapter } as never);
}

/** As if a model gave its input back: whoever gets another's result is found out. */
export const resultOf = ({ task, model, precision }: Work, version: string) => ({ labels: [`${String(task.input)}@${model}.${precision}.${version}`], probabilities: [1] });

export type Ending = 'completed' | 'failed' | 'expired' | 'cancelled' | 'redispatched' | 'handedBack';

export function setUp(over: Partial<ResultReuseOptions> & { freshness?: Workload['freshness'] } = {}) {
  const clock = new ManualClock(1_000);
  const computing: Submission[] = [];
  const seen: string[] = [];
  let savedMs = 0;
  const reuse = new ResultReuse({
    workloads: [{ name: 'w', freshness: over.freshness ?? '1 hour' } as Workload], maxBytes: 1_000_000, cache: createMemoryCache({ maxEntries: 1_000 }), clock,
    observer: {
      ahead: (kind) => void seen.push(`ahead ${kind}`),
      reuse: (kind, _variant, ms) => {
        seen.push(kind);
        savedMs += ms;
      },
    },
    onUnavailable: () => undefined, compute: (submission) => void computing.push(submission), ...over,
  });
  const end = (submission: Submission, ending: Ending) => {
    const { work, served: of } = submission;
    const timing = { batchSize: 2, queueMs: 0, computeMs: 2 * MS };
    switch (ending) {
      case 'completed': return submission.answer(completedOutcome(work, of, resultOf(work, of.variant.version), timing));
      case 'failed': return submission.answer(failedOutcome(work, new Error('poison')), { code: 'step_failed', message: 'poison', attempts: 1 });
      case 'expired': return submission.answer(expiredOutcome(work));
      case 'cancelled': return submission.answer(cancelledOutcome(work));
      case 'redispatched': return submission.answer(redispatchOutcome(work, 'taken out'));
      case 'handedBack': return submission.handBack(new TandemError('going away', { code: 'worker_stopping', retryable: true }));
    }
  };
  const one = served();
  /** What comes of a piece of work; `answers` counts. */
  const ask = (input: unknown, task: Partial<Task> = {}, submission: Partial<Submission> = {}) => {
    const asked: { outcome?: Outcome; handedBack?: unknown; answers: number; work: Work } = { answers: 0, work: workOf(input, task) };
    reuse.submit({
      work: asked.work, served: one, lane: 'interactive', tenant: undefined,
      answer: (outcome) => {
        asked.outcome = outcome;
        asked.answers += 1;
      },
      handBack: (error) => {
        asked.handedBack = error;
        asked.answers += 1;
      }, ...submission,
    });
    return asked;
  };
  const endNext = (ending: Ending = 'completed') => end(computing.shift()!, ending);
  return { clock, reuse, computing, seen, ask, end, endNext, saved: () => savedMs, served: one };
}

export const turns = async () => {
  for (let turn = 0; turn < 8; turn += 1) await new Promise((resolve) => setImmediate(resolve));
};
export const resultIn = (asked: { outcome?: Outcome }) => asked.outcome?.kind === 'completed' ? (asked.outcome.result as { labels: string[] }).labels[0] : asked.outcome?.kind;
export const isCached = (asked: { outcome?: Outcome }) => asked.outcome?.kind === 'completed' && asked.outcome.run.cached === true;

/** As Redis would: other workers see it too. */
export const sharedCache = (over: Partial<Cache> = {}): Cache => Object.assign(createMemoryCache({ maxEntries: 1_000 }), { shared: true }, over);
