import { z } from 'zod';
import { errorCodeSchema, reasonSchema, statusSchema } from './codes.ts';
import { stepArmSchema } from './experiment.ts';
import { epochMillisSchema, idSchema, itemIdSchema, precisionSchema } from './ids.ts';

const scoredItemSchema = z.object({ itemId: itemIdSchema, score: z.number() });

/** What a workload answers with: items with their scores, a label, or a sequence. */
export const resultSchema = z.union([
  z.object({ items: z.array(scoredItemSchema) }),
  z.object({ label: z.string(), confidence: z.number(), scores: z.record(z.string(), z.number()).optional() }),
  z.object({ sequence: z.array(z.union([z.string(), z.number()])), scores: z.array(z.number()).optional() }),
]);
export type Result = z.infer<typeof resultSchema>;

/** One step of the plan as it ran: on which variant, in which batch, and for how long (ms). */
export const responseStepSchema = z.object({
  step: idSchema,
  model: idSchema,
  precision: precisionSchema,
  version: z.string(),
  pool: idSchema.optional(),
  batchSize: z.number().int(),
  queueMs: z.number(),
  computeMs: z.number(),
  reason: z.string().describe('why the scheduler chose this variant, or why the step was skipped'),
  cached: z.literal(true).optional()
    .describe('the result of an identical step was used: from the result cache, or computed for another request at the same time; batchSize and computeMs are 0'),
  experiment: stepArmSchema.optional().describe('the experiment that had a say in the choice, and the arm that the user is in'),
});
export type ResponseStep = z.infer<typeof responseStepSchema>;

/** Topic `responses`. One final response per request; provisional ones before it where they were asked for. */
export const responseSchema = z.object({
  requestId: z.string(),
  workload: z.string(),
  userId: z.string().optional(),
  status: statusSchema,
  reason: reasonSchema.optional(),
  final: z.boolean().describe('false: provisional, status too; another follows'),
  sequence: z.number().int().describe('rises from one response of a request to the next; 0 where only the final one is wanted'),
  result: resultSchema.optional().describe('absent only when rejected or failed'),
  steps: z.array(responseStepSchema),
  latencyMs: z.number().describe('from the broker’s append time of the request until the answer was made'),
  time: epochMillisSchema,
  error: z.object({ code: errorCodeSchema, message: z.string() }).optional(),
});
export type Response = z.infer<typeof responseSchema>;
