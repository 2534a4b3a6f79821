import { z } from 'zod';
import { idSchema } from './ids.ts';

/** One inference of a request. */
export const planStepSchema = z.object({
  id: idSchema,
  role: z.enum(['coarse', 'fine', 'member', 'shard', 'draft', 'verify']),
  model: idSchema,
  after: z.array(idSchema).default([]).describe('steps whose outcomes this one needs first'),
  part: z.number().int().min(1).optional(),
  of: z.number().int().min(1).optional(),
  required: z.boolean().default(false).describe('without it there is no answer: failed instead of degraded'),
  fallbacks: z.array(idSchema).max(8).optional()
    .describe('models that may run this step instead, most wanted first, where its own cannot answer in time'),
  skipWhenConfident: z.number().min(0).max(1).optional()
    .describe('not run when the step before it is at least this confident'),
  skipAtFloor: z.array(z.object({ floor: z.number().min(0).max(1), confidence: z.number().min(0).max(1) })).max(16).optional()
    .describe('the same for requests with an accuracy floor: of the entries that keep it, the one of the least confidence counts; from tools/cascade.py'),
});
export type PlanStep = z.infer<typeof planStepSchema>;

/** How the outcomes of a plan’s steps become one result. */
export const strategySchema = z.enum(['rerank', 'reciprocal-rank', 'weighted-blend', 'average', 'cascade']);
export type StrategyName = z.infer<typeof strategySchema>;

/** What has to happen for one request, and how its outcomes become one result. Travels on the record. */
export const planSchema = z.object({
  id: idSchema,
  strategy: strategySchema,
  weights: z.record(idSchema, z.number()).optional().describe('by step, for weighted-blend and average'),
  steps: z.array(planStepSchema).max(64),
});
export type Plan = z.infer<typeof planSchema>;
