import { z } from 'zod';
import { idSchema } from './ids.ts';
import { planStepSchema, strategySchema } from './plan.ts';
import { taskKindSchema } from './ingress-to-classifier.ts';

const planTemplateSchema = z.object({
  strategy: strategySchema,
  weights: z.record(idSchema, z.number()).optional(),
  steps: z.array(planStepSchema).min(1).max(64),
});

const timeOfDay = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'must be HH:MM');

/** All that is given has to hold. */
const ruleConditionSchema = z.strictObject({
  from: timeOfDay.optional().describe('time of day, by the broker’s clock, from which the rule holds; with until'),
  until: timeOfDay.optional().describe('time of day at which it ends; earlier than from: on the next day'),
  days: z.array(z.enum(['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'])).min(1).optional(),
  lane: z.enum(['interactive', 'bulk']).optional(),
  tiers: z.array(idSchema).min(1).optional(),
  deadlineBelowMs: z.number().positive().optional().describe('the time that the request leaves'),
  activityBelow: z.number().min(0).max(1).optional(),
  activityAbove: z.number().min(0).max(1).optional(),
  payloadAboveBytes: z.number().min(0).optional().describe('size of the request'),
  lengthAbove: z.number().min(0).optional().describe('of the sequence that the models have to read; predicted from the user’s history where the request brings none'),
  lengthBelow: z.number().min(0).optional(),
});

/** What requests that fit a condition get, where they say nothing else themselves. */
export const workloadRuleSchema = z.strictObject({
  name: z.string().min(1).max(64),
  when: ruleConditionSchema,
  set: z.strictObject({
    task: taskKindSchema.optional(),
    accuracyFloor: z.number().min(0).max(1).optional(),
    tier: idSchema.optional(),
    precision: idSchema.optional().describe('of all steps, as int8; where it is not served, or below the floor, the policy chooses as ever'),
  }),
});
export type WorkloadRule = z.infer<typeof workloadRuleSchema>;

const DAY_SECONDS = 86_400;

const freshnessSchema = z.union([z.enum(['off', '5 minutes', '1 hour', '1 day']), z.number().positive().max(7 * DAY_SECONDS)]);
/** How long a step's result may answer identical steps: off, a preset, or seconds. */
export type Freshness = z.infer<typeof freshnessSchema>;

/** A file in workloads/: a scenario is data. */
export const workloadSchema = z.object({
  $schema: z.string().optional(),
  name: idSchema,
  description: z.string(),
  adapter: z.string().describe('recommend, generate, classify, or a path to a module relative to this file'),
  deadlineMs: z.number().positive().nullable().default(1000).describe('default deadline; null: none'),
  accuracyFloor: z.number().min(0).max(1).default(0),
  defaultTask: taskKindSchema.optional().describe('what a request without a hint is; by activity where absent'),
  activeAbove: z.number().min(0).max(1).default(0.8).describe('activity above which the large model takes part (full)'),
  activityTau: z.number().positive().default(20).describe('interactions, halved per day, at which activity is 1 − 1/e'),
  timeZone: z.string().optional().describe('of times of day in rules, as Europe/Berlin; default: UTC'),
  rules: z.array(workloadRuleSchema).max(64).optional()
    .describe('what requests of a kind, or at a time, are: for each thing that is set the first rule that holds decides; hints win over rules'),
  order: z.enum(['none', 'key']).default('none')
    .describe('key: responses of one affinity key come in the order of its requests, held back until their deadline at most'),
  freshness: freshnessSchema.default('off')
    .describe('how old a step’s result may be that answers an identical step again: off, a preset, or seconds (a week at most)'),
  precompute: z.strictObject({
    users: z.number().int().min(1).max(20_000).default(1_000).describe('the most active ones'),
  }).optional().describe('in idle time, results are computed ahead of the next requests of users who have done something new; needs freshness. Absent: off'),
  provisional: z.enum(['off', 'asked', 'always']).optional()
    .describe('responses with what is known so far before the final one: never (default), to requests that ask for them, or to all that do not decline'),
  plans: z.partialRecord(taskKindSchema, planTemplateSchema),
  options: z.record(z.string(), z.unknown()).default({}).describe('for the adapter'),
});
export type Workload = z.infer<typeof workloadSchema>;
