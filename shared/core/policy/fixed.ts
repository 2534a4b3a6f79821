import type { Policy } from './types.ts';

/** Always the same precision: for comparisons and for answers that must not depend on the load. */
export function fixedPolicy(precision: string): Policy {
  return {
    name: 'fixed',
    choose(context, candidates) {
      const chosen = candidates.find(({ variant }) => variant.precision === precision);
      if (chosen === undefined) return { kind: 'fail', code: 'no_variant', reason: `no worker serves ${context.step.model} at ${precision}` };
      const pool = chosen.pool === undefined ? {} : { pool: chosen.pool };
      return { kind: 'dispatch', model: chosen.variant.model, precision, ...pool, reason: `fixed: ${precision}` };
    },
  };
}
