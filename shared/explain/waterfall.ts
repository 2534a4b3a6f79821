import type { Outcome, Task, Work } from '@tandem/schemas';
import type { PathRecord, WaterfallSpan } from './types.ts';

interface Timed<Value> {
  time: number;
  value: Value;
}

/** Where the time went, from the append times of the path's records and from what outcomes say of themselves. Empty without a beginning. */
export function waterfallOf(path: readonly PathRecord[], arrivedAt: number | undefined): WaterfallSpan[] {
  if (arrivedAt === undefined) return [];
  const of = <Value>(kind: PathRecord['kind']) => path.filter((entry) => entry.kind === kind).map(({ record, value }): Timed<Value> => ({ time: record.timestamp, value: value as Value }));
  const [tasks, works, outcomes, responses] = [of<Task>('task'), of<Work>('work'), of<Outcome>('outcome'), of('response')];
  const spans: WaterfallSpan[] = [];
  const add = (stage: string, label: string, from: number, to: number) => spans.push({ stage, label, startMs: from - arrivedAt, durationMs: Math.max(0, to - from) });
  const [task] = tasks;
  if (task !== undefined) add('classifier', 'request → task', arrivedAt, task.time);
  for (const { time, value } of works) addStep(value, time, causeOf(value, outcomes, task?.time ?? arrivedAt), outcomeOf(value, outcomes), add);
  const last = responses.at(-1);
  const before = lastBefore(outcomes, last?.time) ?? task?.time;
  if (last !== undefined && before !== undefined) add('fusion', outcomes.length === 0 ? 'task → response' : 'last outcome → response', before, last.time);
  else if (last !== undefined) add('chained', 'request → response', arrivedAt, last.time);
  return spans;
}

/** When the scheduler could know that the step is to be done: the outcome of the step before, or the task. */
function causeOf({ previous }: Work, outcomes: readonly Timed<Outcome>[], taskAt: number): number {
  const steps = new Set(Object.keys(previous));
  const ends = outcomes.filter(({ value }) => value.kind !== 'rejected' && steps.has(value.step));
  return ends.length === 0 ? taskAt : Math.max(...ends.map(({ time }) => time));
}

function outcomeOf({ step, dispatchedAt }: Work, outcomes: readonly Timed<Outcome>[]): Timed<Outcome> | undefined {
  return outcomes.find(({ time, value }) => value.kind !== 'rejected' && value.step === step && time >= dispatchedAt - 1);
}

type Add = (stage: string, label: string, from: number, to: number) => void;

function addStep({ step, model, precision, dispatchedAt }: Work, workAt: number, cause: number, outcome: Timed<Outcome> | undefined, add: Add): void {
  const variant = `${model}.${precision}`;
  add('scheduler', `${step}: decide and write work`, cause, Math.max(cause, workAt));
  if (outcome === undefined) return;
  if (outcome.value.kind !== 'completed') return add('worker', `${step}: ${outcome.value.kind} on ${variant}`, workAt, outcome.time);
  const { queueMs, computeMs } = outcome.value.run;
  const beganAt = Math.max(workAt, dispatchedAt + queueMs);
  add('worker', `${step}: waits for ${variant}`, workAt, beganAt);
  add('worker', `${step}: computes on ${variant}`, beganAt, beganAt + computeMs);
  add('worker', `${step}: outcome is written`, beganAt + computeMs, outcome.time);
}

function lastBefore(outcomes: readonly Timed<Outcome>[], time: number | undefined): number | undefined {
  const times = outcomes.map((outcome) => outcome.time).filter((each) => time === undefined || each <= time);
  return times.length === 0 ? undefined : Math.max(...times);
}
