import type { TaskArm } from '@tandem/schemas';

/** So many experiments get series of their own; those of a long-lived process may have been many. */
const NAMED = 32;

/** Labels of metrics by experiment and arm, bounded: arms are eight at most. One per process and purpose. */
export class ExperimentLabels {
  readonly #named = new Set<string>();

  of({ experiment, arm }: TaskArm): { experiment: string; arm: string } {
    if (this.#named.size < NAMED) this.#named.add(experiment);
    return this.#named.has(experiment) ? { experiment, arm } : { experiment: 'others', arm: 'others' };
  }
}
