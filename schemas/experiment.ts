import { z } from 'zod';
import { epochMillisSchema, idSchema, precisionSchema } from './ids.ts';
import { variantSchema } from './registry.ts';

const MAX_ARMS = 8;

const armSchema = z.strictObject({
  name: idSchema,
  weight: z.number().min(0).max(1_000_000)
    .describe('share of the users, relative to the other arms that serve; of an arm that shadows: the share of users who are mirrored, 0 to 1'),
  model: idSchema.optional().describe('runs the steps instead of the model that the plan names'),
  precision: precisionSchema.optional().describe('the only precision of the model that may run them; absent: the policy chooses'),
  version: z.string().min(1).max(128).optional().describe('only workers that serve this version of it'),
  pool: idSchema.optional().describe('only workers of this pool'),
  shadow: z.literal(true).optional().describe('it answers nobody: it gets a copy of the work once that is done, and what it makes of it is compared'),
});
export type ExperimentArm = z.infer<typeof armSchema>;

const guardsSchema = z.strictObject({
  windowSeconds: z.number().min(1).max(3_600).default(60).describe('what they look at: answers of so long ago until now'),
  minimumAnswers: z.number().int().min(10).max(1_000_000).default(200).describe('of an arm, before they judge it'),
  errorShare: z.number().min(0).max(1).default(0.02)
    .describe('answers that may be failed, shed or degraded, or needed another variant since the arm’s failed, beyond what they are under control'),
  p95Ratio: z.number().min(1).max(1_000).default(1.5).describe('the 95th percentile of latency that an arm may have, against that of control'),
  p95Ms: z.number().positive().optional().describe('the same as an absolute bound, ms'),
  yieldedShare: z.number().min(0).max(1).default(0.5)
    .describe('answers that may be given by another variant because the arm’s would have been late, beyond what they are under control'),
});

/** A file that defines an experiment: which variants answer which share of the users, and what is decided by what comes of it. */
export const experimentSchema = z.strictObject({
  $schema: z.string().optional(),
  name: idSchema,
  description: z.string().max(1_000).default(''),
  workload: idSchema,
  model: idSchema.describe('the steps of the workload’s plans that name this model are decided by the experiment'),
  arms: z.array(armSchema).min(1).max(MAX_ARMS),
  control: idSchema.optional().describe('name of the arm that the others are compared with; default: the first'),
  goal: z.enum(['better', 'not_worse']).default('better').describe('what an arm has to be shown to be for it to win'),
  margin: z.number().min(0).max(0.5).default(0.01).describe('not_worse: how much less HR@10 is still not worse'),
  alpha: z.number().min(0.0001).max(0.2).default(0.05).describe('how likely a decision by HR@10 may be wrong, however often it is looked at'),
  expectedEffect: z.number().min(0.001).max(0.5).default(0.02).describe('the difference of HR@10 at which decisions come soonest; any other is found too'),
  minimumUsers: z.number().int().min(50).max(10_000_000).default(200).describe('judged, of each arm, before HR@10 decides anything'),
  endAfterJudged: z.number().int().min(100).optional().describe('answers judged of all arms, after which all goes back to control if nothing was shown'),
  whenWon: z.enum(['promote', 'wait']).default('promote').describe('wait: an operator promotes it'),
  guards: guardsSchema.prefault({}),
});
export type Experiment = z.infer<typeof experimentSchema>;

/** On topic `control`, key `experiment/<name>`: what the stages do about the experiment now. */
export const experimentControlSchema = z.object({
  kind: z.literal('experiment'),
  definition: experimentSchema,
  state: z.enum(['running', 'promoted', 'rolled_back', 'stopped']),
  weights: z.record(idSchema, z.number().min(0)).describe('by arm, as they are now'),
  out: z.record(idSchema, z.string().max(1_000)).describe('arms that were rolled back, and why: they are avoided'),
  winner: idSchema.optional().describe('promoted: the arm that all users get'),
  releases: z.record(idSchema, variantSchema).optional().describe('by arm that names a version: what goes to topic models when it is promoted'),
  revision: z.number().int().min(1).describe('one more with each change'),
  startedAt: epochMillisSchema,
  why: z.string().max(1_000).describe('of the last change'),
  by: z.string().min(1).max(256),
  time: epochMillisSchema,
});
export type ExperimentControl = z.infer<typeof experimentControlSchema>;

/** Of a task: the arm that its user is in. */
export interface TaskArm {
  experiment: string;
  arm: string;
}

/**
 * Why a step did not run as its arm wants: `late`, it would have been; `floor`, the variant is below the request's accuracy floor; `unserved`, no
 * worker serves it; `failed`, it would not run or failed there; `ended`, the experiment was over by then.
 */
const insteadSchema = z.enum(['late', 'floor', 'unserved', 'failed', 'ended']);
export type Instead = z.infer<typeof insteadSchema>;

/** Of a step, in the response's `steps[].experiment`. */
export const stepArmSchema = z.object({
  name: idSchema,
  arm: idSchema,
  instead: insteadSchema.optional().describe('why another variant than the arm’s ran it; absent: the arm’s did'),
});
export type StepArm = z.infer<typeof stepArmSchema>;

/** What one arm has come to since its counter began; all of it only grows. */
export interface ArmCounts {
  answers: number;
  /** Failed, shed, degraded, or rescued by another variant after the arm's had failed. */
  bad: number;
  /** Given by another variant, since the arm's would have been late. */
  yielded: number;
  /** Answers by latency: counts of the buckets of `shared/core/experiment`. */
  latency: number[];
  /** Users with judged answers, and over users the sums that a cluster-robust variance needs: n judged, h hits. */
  users: number;
  judged: number;
  hits: number;
  judgedSquared: number;
  hitsSquared: number;
  judgedHits: number;
  /** Of arms that shadow: compared with the answer that went out, and the sum of their agreement with it, 0..1 each. */
  compared: number;
  agreed: number;
}

/** Topic `telemetry`, key `experiment/<name>/<source>`: what one process of fusion has counted. */
export interface ExperimentReport {
  kind: 'experiment';
  experiment: string;
  /** Which start of the experiment: counts of an earlier one are not its. */
  startedAt: number;
  /** The process, and when it began to count: its counts only grow. */
  source: string;
  time: number;
  arms: Record<string, ArmCounts>;
}
