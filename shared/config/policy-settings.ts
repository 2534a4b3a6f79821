import { z } from 'zod';
import { number } from './fields.ts';

/** How the scheduler chooses. */
export const policySettings = {
  policy: z.enum(['threshold', 'deadline-aware', 'optimal-share', 'bandit', 'fixed']).default('deadline-aware')
    .describe('how the scheduler chooses: threshold, deadline-aware, optimal-share, bandit or fixed'),
  precision: z.string().default('fp32').describe('for the fixed policy'),
  learningState: z.string().min(1).optional().describe('for the bandit policy: file that keeps what this scheduler has learnt through restarts, one for each; without it a restart learns anew'),
  learningEvaluation: z.string().min(1).optional().describe('for the bandit policy: file that npm run policies -- --learning --evaluation has written; among variants that it does not let through deadline-aware chooses'),
  learningCostPerMs: number(z.number().min(0).max(1_000)).default(0.005).describe('for the bandit policy: share of right answers that a millisecond of session time has to be worth'),
  accuracyPerJoule: number(z.number().min(0).max(1_000_000)).default(0)
    .describe('for the deadline-aware and bandit policies: accuracy that a joule has to be worth, where power is measured; 0: energy does not count'),
};
