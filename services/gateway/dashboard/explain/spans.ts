import type { Response, ResponseStep, Task, Work } from '@tandem/schemas';
import type { Span } from './explanation.ts';

/** What the log knows of a request; times are epoch ms, of the broker. */
export interface Stamps {
  askedAt: number;
  answeredAt: number;
  task: Task | undefined;
  taskAt: number | undefined;
  /** As dispatched. */
  works: { at: number; step: string; work: Work }[];
  outcomes: { at: number; step: string; kind: string }[];
}

/** Where the time of a request went. Without the records of a step its place is taken from its end. */
export function spansOf(response: Response, stamps: Stamps): Span[] {
  const { askedAt, answeredAt, taskAt } = stamps;
  const at = (time: number) => Math.max(0, time - askedAt);
  const spans: Span[] = [];
  if (taskAt !== undefined) spans.push({ stage: 'classifier', step: null, fromMs: 0, toMs: at(taskAt), what: 'validated, features joined, plan written' });
  const steps = response.steps.filter(({ batchSize, cached }) => batchSize > 0 || cached === true);
  for (const step of steps) spans.push(...stepSpans(step, response, stamps));
  const lastOutcome = Math.max(...stamps.outcomes.map((outcome) => outcome.at), -Infinity);
  if (Number.isFinite(lastOutcome)) spans.push({ stage: 'fusion', step: null, fromMs: at(lastOutcome), toMs: at(answeredAt), what: 'joined and answered' });
  return spans.filter(({ fromMs, toMs }) => toMs >= fromMs).sort((a, b) => a.fromMs - b.fromMs || a.toMs - b.toMs);
}

function stepSpans(step: ResponseStep, response: Response, stamps: Stamps): Span[] {
  const sent = stamps.works.findLast((work) => work.step === step.step);
  const begin = sent?.work.dispatchedAt ?? endWithoutRecords(step, response, stamps) - step.queueMs - step.computeMs;
  const at = (time: number) => Math.max(0, time - stamps.askedAt);
  const named = { step: step.step };
  const computed = begin + step.queueMs;
  const spans: Span[] = [
    { ...named, stage: 'queue', fromMs: at(begin), toMs: at(computed), what: `to the worker, and until a batch of ${step.model}.${step.precision} began` },
    { ...named, stage: 'model', fromMs: at(computed), toMs: at(computed + step.computeMs), what: `${step.model}.${step.precision}, batch of ${step.batchSize}` },
  ];
  const before = readyAt(step, stamps);
  if (before !== undefined && sent !== undefined) spans.unshift({ ...named, stage: 'scheduler', fromMs: at(before), toMs: at(begin), what: `decided: ${step.reason}` });
  return spans;
}

/** When the scheduler could decide it: when the steps before it were done, else when there was a task. */
function readyAt({ step }: ResponseStep, { task, taskAt, outcomes }: Stamps): number | undefined {
  const after = task?.plan.steps.find(({ id }) => id === step)?.after ?? [];
  const ends = outcomes.filter((outcome) => after.includes(outcome.step)).map(({ at }) => at);
  return ends.length > 0 ? Math.max(...ends) : taskAt;
}

/** In a chain nobody wrote when: the steps lie one behind the other, the last ending with the answer. */
function endWithoutRecords(step: ResponseStep, { steps }: Response, { answeredAt, outcomes }: Stamps): number {
  const outcome = outcomes.findLast((end) => end.step === step.step);
  if (outcome !== undefined) return outcome.at;
  const later = steps.slice(steps.indexOf(step) + 1);
  return answeredAt - later.reduce((sum, { queueMs, computeMs }) => sum + queueMs + computeMs, 0);
}
