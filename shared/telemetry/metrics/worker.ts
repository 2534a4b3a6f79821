import { Gauge, type Registry } from 'prom-client';
import { BATCH_BUCKETS, SECONDS_BUCKETS } from './buckets.ts';
import { Counter } from './counter.ts';
import { Histogram } from './histogram.ts';

/** Batches, what workers keep in memory between them, and what fails. */
export function workerMetrics(registers: Registry[]) {
  return {
    batchSize: new Histogram({ name: 'tandem_batch_size', help: 'Requests per batch', labelNames: ['model', 'precision'], buckets: BATCH_BUCKETS, registers }),
    batchSeconds: new Histogram({ name: 'tandem_batch_seconds', help: 'Inference of one batch', labelNames: ['model', 'precision'], buckets: SECONDS_BUCKETS, registers }),
    queueSeconds: new Histogram({ name: 'tandem_queue_seconds', help: 'From dispatch until the batch began, per batch (its oldest)', labelNames: ['model', 'precision'], buckets: SECONDS_BUCKETS, registers }),
    prefixRequests: new Counter({ name: 'tandem_prefix_requests_total', help: 'Requests of variants that keep user prefixes: hit, miss (built), bypassed (whole history, nothing kept)', labelNames: ['kind', 'model', 'precision'], registers }),
    prefixSteps: new Counter({ name: 'tandem_prefix_steps_total', help: 'Tokens that hits computed', labelNames: ['model', 'precision'], registers }),
    prefixSavedTokens: new Counter({ name: 'tandem_prefix_saved_tokens_total', help: 'Tokens that hits did not compute', labelNames: ['model', 'precision'], registers }),
    prefixEvictions: new Counter({ name: 'tandem_prefix_evictions_total', help: 'User prefixes that made room for others', labelNames: ['model', 'precision'], registers }),
    prefixBytes: new Gauge({ name: 'tandem_prefix_bytes', help: 'Memory of user prefixes in use', labelNames: ['model', 'precision'], registers }),
    generateTokens: new Counter({ name: 'tandem_generate_tokens_total', help: 'Items of slates by kind: generated; prompt (computed) and reused (found in memory) of histories; drafted, and accepted of those', labelNames: ['kind', 'model', 'precision'], registers }),
    generatePreemptions: new Counter({ name: 'tandem_generate_preemptions_total', help: 'Slates that had to give way for want of memory and were computed again', labelNames: ['model', 'precision'], registers }),
    generateEvictions: new Counter({ name: 'tandem_generate_evictions_total', help: 'What finished slates had left in memory, given up for room', labelNames: ['model', 'precision'], registers }),
    generateCacheBytes: new Gauge({ name: 'tandem_generate_cache_bytes', help: 'Memory of slates’ keys and values in use', labelNames: ['model', 'precision'], registers }),
    generateSequences: new Gauge({ name: 'tandem_generate_sequences', help: 'Slates by state: under_way (with memory), waiting', labelNames: ['state', 'model', 'precision'], registers }),
    variantLoads: new Counter({ name: 'tandem_variant_loads_total', help: 'Variants loaded while the worker runs: asked (work waited for it), sibling (its model is in use again), trend (the load is going to need it)', labelNames: ['reason', 'model', 'precision'], registers }),
    variantLoadSeconds: new Histogram({ name: 'tandem_variant_load_seconds', help: 'Loading one of these, warm-up included', labelNames: ['model', 'precision'], buckets: SECONDS_BUCKETS, registers }),
    variantUnloads: new Counter({ name: 'tandem_variant_unloads_total', help: 'Variants unloaded: room (another one needed it), idle (nobody used it)', labelNames: ['reason', 'model', 'precision'], registers }),
    abandonedThreads: new Gauge({ name: 'tandem_abandoned_threads', help: 'Inference threads that hang and have been replaced', registers }),
    takenOut: new Gauge({ name: 'tandem_variants_taken_out', help: '1 while a variant is taken out after repeated failures', labelNames: ['model', 'precision'], registers }),
    stepOutcomes: new Counter({ name: 'tandem_step_outcomes_total', help: 'Steps by what became of them', labelNames: ['kind', 'model', 'precision'], registers }),
  };
}
