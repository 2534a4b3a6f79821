// What comes once a request is compiled: of a request with 100 items of history 14 + 3 µs and 32 KB become 1 + 1 µs and 2 KB.
// Where something is wrong, zod's own parser says what. What is derived from a compiled schema is not.
import { z } from 'zod';
import { affinityIdSchema, epochMillisSchema, idSchema, itemIdSchema, requestIdSchema, userIdSchema } from './ids.ts';

/** coarse: the small model answers; fine: the large one; full: the small one chooses what the large one ranks. */
export const taskKindSchema = z.enum(['coarse', 'fine', 'full']);
export type TaskKind = z.infer<typeof taskKindSchema>;

/** The tier of requests that name none; where tiers have weights or rates, that of requests whose tier has none, too. */
export const DEFAULT_TIER = 'standard';

/** What the sender knows better than Tandem. Every hint wins over what the classifier would choose. */
export const hintsSchema = z.object({
  task: taskKindSchema.optional().describe('coarse: the small model; fine: the large one; full: coarse, then fine'),
  deadlineMs: z.number().positive().max(86_400_000).optional()
    .describe('milliseconds from the broker’s append time of the request until the answer is worthless'),
  accuracyFloor: z.number().min(0).max(1).optional()
    .describe('share of the workload’s best variant’s validated accuracy; 0.98 allows two per cent below'),
  tier: idSchema.optional(),
  activity: z.number().min(0).max(1).optional().describe('how active the user is; from interactions where absent'),
  provisional: z.boolean().optional()
    .describe('answers with what is known so far are wanted before the final one; where the workload allows it, and not in the bulk lane'),
});
export type Hints = z.infer<typeof hintsSchema>;

/** Topics `requests` and `requests.bulk`. `input` is checked against the workload. */
export const requestSchema = z.compile(z.object({
  requestId: requestIdSchema,
  workload: idSchema,
  userId: userIdSchema.optional(),
  key: affinityIdSchema.optional().describe('affinity key where there is no user: a session, a sensor'),
  input: z.record(z.string(), z.unknown()),
  hints: hintsSchema.optional(),
  time: epochMillisSchema.optional().describe('the event’s own time; deadlines count from the broker’s'),
}));
export type Request = z.infer<typeof requestSchema>;

/** Also on `requests` and `requests.bulk`: takes a request back. Key, user and workload as in the request. */
export const cancelSchema = z.object({
  cancel: z.literal(true),
  requestId: requestIdSchema,
  workload: idSchema,
  userId: userIdSchema.optional(),
  key: affinityIdSchema.optional(),
});
export type Cancel = z.infer<typeof cancelSchema>;

/** Topic `interactions`: what users did. Features come from these. */
export const interactionSchema = z.compile(z.object({
  userId: userIdSchema,
  itemId: itemIdSchema,
  time: epochMillisSchema,
}));
export type Interaction = z.infer<typeof interactionSchema>;

/** Also on topic `interactions`, once in each partition: what the user did before is forgotten. */
export const erasureSchema = z.object({
  erase: z.literal(true),
  userId: userIdSchema,
  time: epochMillisSchema.describe('tells one erasure of a user from a later one'),
});
export type Erasure = z.infer<typeof erasureSchema>;

const candidateSchema = z.union([itemIdSchema, z.object({ itemId: itemIdSchema, score: z.number() })]);

/** `input` of the `recommend` adapter. */
export const recommendInputSchema = z.compile(z.object({
  history: z.array(itemIdSchema).max(10_000).optional().describe('oldest first; from interactions where absent'),
  candidates: z.array(candidateSchema).max(1_000).optional()
    .describe('the sender’s own candidate list, accepted as the coarse result'),
  limit: z.number().int().min(1).max(100).default(10),
  asOfInteractions: z.number().int().min(0).max(1_000_000_000).optional()
    .describe('features as of exactly the user’s first n interactions; the classifier waits for the n-th for a bounded time'),
}));
export type RecommendInput = z.infer<typeof recommendInputSchema>;

/** `input` of the `generate` adapter. */
export const generateInputSchema = z.compile(z.object({
  history: recommendInputSchema.shape.history,
  count: z.number().int().min(1).max(50).default(10).describe('how many items the slate has, one decoded after the other'),
  temperature: z.number().min(0).max(10).default(0).describe('0: always the best next item; larger: more even'),
  topK: z.number().int().min(1).max(50).default(20).describe('sampled among so many of the best; without effect at temperature 0'),
  seed: z.number().int().min(0).max(4_294_967_295).optional().describe('the same seed and history give the same slate; from the request id where absent'),
  asOfInteractions: recommendInputSchema.shape.asOfInteractions,
}));
export type GenerateInput = z.infer<typeof generateInputSchema>;

/** `input` of the `classify` adapter: the model’s numbers, in the order it was trained on. */
export const classifyInputSchema = z.compile(z.object({
  values: z.array(z.number()).min(1).max(65_536),
}));
export type ClassifyInput = z.infer<typeof classifyInputSchema>;
