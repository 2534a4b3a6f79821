import type { Registry } from 'prom-client';
import { SECONDS_BUCKETS } from './buckets.ts';
import { Counter } from './counter.ts';
import { Histogram } from './histogram.ts';

/** Responses, and how good they were. */
export function fusionMetrics(registers: Registry[]) {
  return {
    responses: new Counter({ name: 'tandem_responses_total', help: 'Final responses', labelNames: ['workload', 'status', 'reason'], registers }),
    responseSeconds: new Histogram({ name: 'tandem_response_seconds', help: 'From append of the request until its response was made', labelNames: ['workload'], buckets: SECONDS_BUCKETS, registers }),
    provisionalResponses: new Counter({ name: 'tandem_provisional_responses_total', help: 'Responses before the final one, where they were asked for', labelNames: ['workload'], registers }),
    lateParts: new Counter({ name: 'tandem_late_parts_total', help: 'Outcomes that came after the final response', registers }),
    liveJudged: new Counter({ name: 'tandem_live_judged_total', help: 'Answers that a later interaction of their user has judged', labelNames: ['workload', 'model', 'precision'], registers }),
    liveHits: new Counter({ name: 'tandem_live_hits_total', help: 'Of those: the item was among the first ten. Divided by the judged, the live HR@10', labelNames: ['workload', 'model', 'precision'], registers }),
  };
}
