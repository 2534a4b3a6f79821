import type { RankedItems, Work } from '@tandem/schemas';
import { recommendAdapter, type Adapter } from '@tandem/shared/core';

/** As many as the candidate models give, and as many as an answer shows. */
const CANDIDATES = 100;
const SHOWN = 10;

function list(length: number): RankedItems {
  return { items: Array.from({ length }, (_, index) => index + 1), scores: Array.from({ length }, (_, index) => Math.round((1 - index / length) * 1e4) / 1e4) };
}

function isNeededLater({ step, task }: Work): boolean {
  return task.plan.steps.some(({ after }) => after.includes(step));
}

/** Requests, records and answers of `recommend`; its models double one number. What is left is the flow. */
export const adapter: Adapter = {
  ...recommendAdapter,
  name: 'noop',
  shape: () => ({ graph: 'double', length: 1 }),
  dimensions: (_graph, batch) => ({ batch: batch.length, length: 1 }),
  encode: () => undefined,
  decode: (_graph, batch) => batch.map((work) => list(isNeededLater(work) ? CANDIDATES : SHOWN)),
};
