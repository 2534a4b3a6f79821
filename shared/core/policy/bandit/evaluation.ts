import { z } from 'zod';
import type { Variant } from '@tandem/schemas';
import { REWARD_WEIGHTS, type RewardWeights } from './reward.ts';

const worldSchema = z.object({
  model: z.string(),
  world: z.string(),
  decisions: z.number(),
  /** Mean reward per decision: what off-policy evaluation promised, its standard error, and what was then earned; of the bandit and of its fallback. */
  promised: z.number(),
  standardError: z.number(),
  earned: z.number(),
  fallbackEarned: z.number(),
  /** Share of requests that were not complete in time. */
  missShare: z.number(),
  fallbackMissShare: z.number(),
  /** Why it may not serve. Absent: it may. */
  failed: z.string().optional(),
});

const evaluationSchema = z.object({
  evaluationVersion: z.literal(1),
  policy: z.literal('bandit'),
  estimator: z.literal('doubly robust'),
  date: z.string(),
  weights: z.object({ costPerMs: z.number(), lateness: z.number(), perJoule: z.number() }),
  /** `model.precision@version` of what was chosen among. */
  variants: z.array(z.string()),
  worlds: z.array(worldSchema),
});

/** What the bandit has shown in the simulator, with which variants and rewards. */
export type PolicyEvaluation = z.infer<typeof evaluationSchema>;
export type EvaluatedWorld = z.infer<typeof worldSchema>;

/** As evaluations name it: another version is another variant. */
export function evaluatedName({ model, precision, version }: Pick<Variant, 'model' | 'precision' | 'version'>): string {
  return `${model}.${precision}@${version}`;
}

/** Which variants the bandit may choose among, and why no others. */
export interface Admission {
  names: ReadonlySet<string>;
  /** Undefined: nothing was wrong with it. */
  doubt: string | undefined;
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const none = (doubt: string): Admission => ({ names: new Set(), doubt });

/** What an evaluation lets through: models of which every world was passed, with the rewards that count now. @param text of its file */
export function admittedBy(text: string, weights: RewardWeights): Admission {
  const parsed = evaluationSchema.safeParse(jsonIn(text));
  if (!parsed.success) return none('the file is no evaluation that this version can read');
  const { weights: evaluated, variants, worlds } = parsed.data;
  const other = (Object.keys(REWARD_WEIGHTS) as (keyof RewardWeights)[]).find((weight) => evaluated[weight] !== weights[weight]);
  if (other !== undefined) return none(`it was evaluated with ${other} ${evaluated[other]}, and ${weights[other]} counts now`);
  const failed = worlds.filter((world) => world.failed !== undefined);
  const passed = new Set(worlds.map(({ model }) => model).filter((model) => failed.every((world) => world.model !== model)));
  return {
    names: new Set(variants.filter((name) => passed.has(name.slice(0, name.lastIndexOf('.', name.lastIndexOf('@')))))),
    doubt: failed.length === 0 ? undefined : failed.map(({ model, world, failed: why }) => `${model}, where ${world}: ${why}`).join('; '),
  };
}
