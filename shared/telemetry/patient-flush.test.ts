import { expect, test } from 'vitest';
import { patientFlush } from './patient-flush.ts';

test('one that begins while another runs comes after it: what ended in between is exported too', async () => {
  const order: string[] = [];
  const [first, second] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const gates = [first, second];
  const flush = patientFlush(async () => {
    order.push('begins');
    await gates.shift()?.promise;
    order.push('ends');
  }, 60_000);
  const both = [flush(), flush()];
  first.resolve();
  await both[0];
  second.resolve();
  await both[1];
  expect(order).toEqual(['begins', 'ends', 'begins', 'ends']);
});

test('where the collector is away nobody waits, and nothing piles up, until it is back', async () => {
  let calls = 0;
  const hanging = Promise.withResolvers<void>();
  const flush = patientFlush(() => {
    calls += 1;
    return calls === 1 ? hanging.promise : Promise.resolve();
  }, 5);
  await flush();
  await Promise.all([flush(), flush(), flush()]);
  expect(calls).toBe(1);
  hanging.reject(new Error('away'));
  await hanging.promise.catch(() => undefined);
  await new Promise((resolve) => setImmediate(resolve));
  await flush();
  expect(calls).toBe(2);
});
