import type { Response, Workload } from '@tandem/schemas';

/** Which models an answer really came from, by the steps that ran; not by what was asked for. */
export type AnswerKind = 'smallOnly' | 'largeOnly' | 'full' | 'popular' | 'none';

export const ANSWER_KINDS: Readonly<Record<AnswerKind, string>> = {
  smallOnly: 'small only',
  largeOnly: 'large only',
  full: 'full (small → large)',
  popular: 'popular items',
  none: 'no answer',
};

export interface ModelRoles {
  small: ReadonlySet<string>;
  large: ReadonlySet<string>;
}

/** The small models of a workload are those of its coarse steps, the large ones those of its fine steps. */
export function modelRoles({ plans }: Pick<Workload, 'plans'>): ModelRoles {
  const steps = Object.values(plans).flatMap((plan) => plan?.steps ?? []);
  const models = (role: string) => new Set(steps.filter((step) => step.role === role).map(({ model }) => model));
  return { small: models('coarse'), large: models('fine') };
}

/** The steps that ran: skipped, expired and failed ones carry no batch. */
export function stepsRun({ steps }: Pick<Response, 'steps'>): Response['steps'] {
  return steps.filter(({ batchSize }) => batchSize > 0);
}

/** Item ids of the answer, best first; empty where there is none. */
export function answeredItems({ result }: Pick<Response, 'result'>): string[] {
  return result !== undefined && 'items' in result ? result.items.map(({ itemId }) => itemId) : [];
}

/** An unknown user's answer is popular items by contract, whichever step put them in. */
export function answerKind(response: Pick<Response, 'steps' | 'result' | 'reason'>, { small, large }: ModelRoles): AnswerKind {
  const models = stepsRun(response).map(({ model }) => model);
  const bySmall = models.some((model) => small.has(model));
  const byLarge = models.some((model) => large.has(model));
  if (answeredItems(response).length === 0) return 'none';
  if (response.reason === 'unknown_user') return 'popular';
  if (bySmall && byLarge) return 'full';
  if (byLarge) return 'largeOnly';
  return bySmall ? 'smallOnly' : 'popular';
}
