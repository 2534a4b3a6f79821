import { z } from 'zod';
import { number, numbers, pairs } from './fields.ts';

const weights = pairs(number(z.number().positive().max(1_000_000)), 'name:weight[,name:weight]');
const rates = pairs(number(z.number().positive().max(1_000_000_000)), 'name:rate[,name:rate]');
const NO_TIMEOUT = 'must be milliseconds:reject or milliseconds:delay';

const timeout = z.union([
  z.string().regex(/^\d+(\.\d+)?:(reject|delay)$/, NO_TIMEOUT).transform((text) => {
    const [ms, action] = text.split(':');
    return { ms: Number(ms), action };
  }),
  z.unknown(),
]).pipe(z.strictObject({ ms: z.number().positive().max(86_400_000), action: z.enum(['reject', 'delay']) }));

/** How a worker forms its batches. */
export const batchingSettings = {
  maxBatchSize: number(z.number().int().min(1).max(4_096)).default(32).describe('of one inference'),
  maxBulkBatchSize: number(z.number().int().min(1).max(4_096)).default(128).describe('of one inference of bulk work, where more than maxBatchSize pays'),
  preferredBatchSizes: numbers(z.number().int().min(1).max(4_096)).default([4, 8, 16]).describe('what a free session may wait for, where that pays'),
  maxQueueDelayMs: number(z.number().min(0).max(10_000)).default(5).describe('upper bound of waiting for company'),
  maxQueueSize: number(z.number().int().min(1).max(1_000_000)).default(2_000).describe('work of one variant that a worker holds'),
  whenFull: z.enum(['wait', 'reject']).default('wait').describe('more than maxQueueSize: wait in the log, or reject: answered at once'),
  tierWeights: weights.default({ vip: 4, standard: 1 }).describe('shares of session time by tier, name:weight[,…]; other tiers count as standard; default: vip:4,standard:1'),
  tenantWeights: weights.default({}).describe('shares within a tier by the header tandem-tenant, name:weight[,…]; default: 1 each'),
  workloadQuotas: rates.default({}).describe('interactive requests a second by workload, name:rate[,…]; *: each of the others; default: no bound'),
  tenantQuotas: rates.default({}).describe('interactive requests a second by the header tandem-tenant, name:rate[,…]; *: each of the others; default: no bound'),
  tierTimeouts: pairs(timeout, 'tier:milliseconds:action[,…], action reject or delay').default({})
    .describe('longest wait in a worker’s queue by tier, tier:milliseconds:action[,…]; action reject: answered at once, delay: goes on behind all others; default: none'),
  fairnessWindowMs: number(z.number().min(0).max(60_000)).default(10).describe('session time by which one tier or tenant may run ahead of its share so that deadlines are met'),
  bulkEveryMs: number(z.number().min(1).max(3_600_000)).default(1_000).describe('beside interactive work, a batch of bulk is taken at least this often'),
};
