import { existsSync } from 'node:fs';
import { recommendAdapter, type Adapter } from '@tandem/shared/core';
import { FAILING_FILE, GRADES } from './grades.ts';

const answer = { items: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], scores: [1, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1] };

/** Requests and answers of `recommend`; its model computes for as long as its variant's grade says, and fails where it is told to. */
export const adapter: Adapter = {
  ...recommendAdapter,
  name: 'graded',
  shape: () => ({ graph: 'slow', length: 1 }),
  dimensions: (_graph, batch) => ({ batch: batch.length }),
  encode(_graph, batch, inputs, { precision }) {
    const failing = process.env[FAILING_FILE];
    if (failing !== undefined && precision === 'fp32' && existsSync(failing)) throw new Error('this variant is told to fail');
    inputs['rounds']?.data.fill(batch.length * (GRADES[precision]?.roundsPerRequest ?? 1));
  },
  decode: (_graph, batch) => batch.map(() => answer),
};
