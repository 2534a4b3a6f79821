import { classifyInputSchema } from '@tandem/schemas';
import type { Adapter } from '@tandem/shared/core';

const GRAPH = 'run';
/** Of the graph's loop: next to nothing, and some tens of milliseconds. */
const ROUNDS: Readonly<Record<string, number>> = { slow: 40 };

/** Answers any numbers with the label `yes`. Its variants differ: `slow` takes its time, `bad` fails inside the runtime. */
export const adapter: Adapter = {
  name: 'paced',
  inputSchema: classifyInputSchema,
  prepare: (input) => ({ features: input, marks: [], hasCandidates: false }),
  shape: () => ({ graph: GRAPH, length: 1 }),
  dimensions: (_graph, batch) => ({ batch: batch.length }),
  encode(_graph, batch, inputs, { precision }) {
    // No id of the lookup's table: the whole batch fails.
    inputs['ids']?.data.set(batch.map(() => 99));
    inputs['x']?.data.set(batch.map(() => 0.01));
    inputs['rounds']?.data.set(batch.map(() => ROUNDS[precision] ?? 1));
  },
  decode: (_graph, batch) => batch.map(() => ({ labels: ['yes'], probabilities: [1] })),
  present: () => ({ label: 'yes', confidence: 1 }),
  fallback: () => undefined,
};
