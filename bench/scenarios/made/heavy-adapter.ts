import { recommendAdapter, type Adapter } from '@tandem/shared/core';

/** Products of 256 × 256 matrices for each request: some 0.5 ms each on one core of a server, more on an older one. */
const ROUNDS_PER_REQUEST = 6;
const SHOWN = 10;

const answer = { items: Array.from({ length: SHOWN }, (_, index) => index + 1), scores: Array.from({ length: SHOWN }, (_, index) => 1 - index / SHOWN) };

/** Requests, records and answers of `recommend`; its model computes for a few milliseconds per request, however they are batched. */
export const adapter: Adapter = {
  ...recommendAdapter,
  name: 'heavy',
  shape: () => ({ graph: 'slow', length: 1 }),
  dimensions: (_graph, batch) => ({ batch: batch.length }),
  encode: (_graph, batch, inputs) => void inputs['rounds']?.data.fill(batch.length * ROUNDS_PER_REQUEST),
  decode: (_graph, batch) => batch.map(() => answer),
};
