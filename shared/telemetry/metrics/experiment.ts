import type { Registry } from 'prom-client';
import { SECONDS_BUCKETS } from './buckets.ts';
import { Counter } from './counter.ts';
import { Histogram } from './histogram.ts';

/** Experiments by arm. */
export function experimentMetrics(registers: Registry[]) {
  return {
    experimentAnswers: new Counter({ name: 'tandem_experiment_answers_total', help: 'Answers by experiment and arm: good, bad (failed, shed, degraded, or rescued by another variant), yielded (another variant, since the arm’s would have been late)', labelNames: ['experiment', 'arm', 'result'], registers }),
    experimentSeconds: new Histogram({ name: 'tandem_experiment_response_seconds', help: 'From append of the request until its response was made, by the arm of its user', labelNames: ['experiment', 'arm'], buckets: SECONDS_BUCKETS, registers }),
    experimentJudged: new Counter({ name: 'tandem_experiment_judged_total', help: 'Answers of an arm that a later interaction of their user has judged', labelNames: ['experiment', 'arm'], registers }),
    experimentHits: new Counter({ name: 'tandem_experiment_hits_total', help: 'Of those: the item was among the first ten', labelNames: ['experiment', 'arm'], registers }),
    experimentCopies: new Counter({ name: 'tandem_experiment_copies_total', help: 'Copies of work that arms which shadow got, by what became of them: completed, failed, expired, skipped', labelNames: ['experiment', 'arm', 'result'], registers }),
    experimentActions: new Counter({ name: 'tandem_experiment_actions_total', help: 'What schedulers did by themselves: roll_back or promote an arm, end an experiment (arm all)', labelNames: ['experiment', 'arm', 'action'], registers }),
  };
}
