import { robustValue, type LoggedDecision } from './off-policy.ts';

export interface GateOptions {
  /** Decisions with a reward before anything is said. @default 500 */
  fewestDecisions: number;
  /** Of the gain's lower bound: so many standard errors below its estimate. @default 1.64, 95 % one-sided */
  deviations: number;
  /** What is known counts so much less with each decision. @default 0.99995 */
  discount: number;
}

const GATE_DEFAULTS: GateOptions = { fewestDecisions: 500, deviations: 1.64, discount: 0.99995 };

/** What the learnt choice earns more than the fallback's, per decision. */
export interface Gain {
  decisions: number;
  mean: number;
  /** Of its confidence interval. */
  lower: number;
  /** The learnt choice may be served. */
  isOpen: boolean;
}

export interface GateState {
  weight: number;
  sum: number;
  squares: number;
  squaredWeight: number;
}

/**
 * Lets the learnt choices through once they have been shown to earn no less than the fallback's: by the doubly robust gain over logged
 * decisions with their propensities, each judged by what was expected before it was learnt from (progressive validation: Blum, Kalai and
 * Langford, COLT 1999). It goes on looking while it is open, and closes again.
 */
export class ServingGate {
  readonly #options: GateOptions;
  #state: GateState = { weight: 0, sum: 0, squares: 0, squaredWeight: 0 };

  constructor(over: Partial<GateOptions> = {}) {
    this.#options = { ...GATE_DEFAULTS, ...over };
  }

  /** @param learnt @param fallback places of the actions that either would have taken */
  add(decision: LoggedDecision, learnt: number, fallback: number): void {
    const gain = robustValue(decision, learnt) - robustValue(decision, fallback);
    const { discount } = this.#options;
    const { weight, sum, squares, squaredWeight } = this.#state;
    this.#state = { weight: discount * weight + 1, sum: discount * sum + gain, squares: discount * squares + gain * gain, squaredWeight: discount * discount * squaredWeight + 1 };
  }

  get gain(): Gain {
    const { fewestDecisions, deviations } = this.#options;
    const { weight, sum, squares, squaredWeight } = this.#state;
    if (weight === 0) return { decisions: 0, mean: 0, lower: -Infinity, isOpen: false };
    const mean = sum / weight;
    const decisions = (weight * weight) / squaredWeight;
    const lower = mean - deviations * Math.sqrt(Math.max(0, squares / weight - mean * mean) / decisions);
    return { decisions, mean, lower, isOpen: decisions >= fewestDecisions && lower >= 0 };
  }

  snapshot(): GateState {
    return { ...this.#state };
  }

  restore(state: GateState): boolean {
    const { weight, sum, squares, squaredWeight } = state;
    if (![weight, sum, squares, squaredWeight].every(Number.isFinite)) return false;
    this.#state = { weight, sum, squares, squaredWeight };
    return true;
  }
}
