import { expect, test } from 'vitest';
import { patientFlush } from './patient-flush.ts';

test('one that begins while another runs comes after it: what ended in between is exported too', async () => {
  const order: string[] = [];
  const [first, second] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const gates = [first, second];
  const flush = patientFlush({
    added: () => 1,
    flush: async () => {
      order.push('begins');
      await gates.shift()?.promise;
      order.push('ends');
    },
    patienceMs: 60_000,
  });
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
  const flush = patientFlush({
    added: () => 1,
    flush: () => {
      calls += 1;
      return calls === 1 ? hanging.promise : Promise.resolve();
    },
    patienceMs: 5,
  });
  await flush();
  await Promise.all([flush(), flush(), flush()]);
  expect(calls).toBe(1);
  hanging.reject(new Error('away'));
  await hanging.promise.catch(() => undefined);
  await new Promise((resolve) => setImmediate(resolve));
  await flush();
  expect(calls).toBe(2);
});

test('where nothing was added since the last one that went well nothing is exported', async () => {
  let [added, calls] = [0, 0];
  const results = [Promise.reject(new Error('refused')), Promise.resolve(), Promise.resolve()];
  const flush = patientFlush({ added: () => added, flush: () => results[calls++]! });
  await flush();
  expect(calls).toBe(0);
  added += 2;
  await flush();
  await flush();
  await flush();
  expect(calls).toBe(2);
  added += 1;
  await flush();
  expect(calls).toBe(3);
});

test('what is being exported is waited for, also by one that has added nothing', async () => {
  const exporting = Promise.withResolvers<void>();
  const flush = patientFlush({ added: () => 1, flush: () => exporting.promise, patienceMs: 60_000 });
  const order: string[] = [];
  const both = [flush(), flush()].map((flushed) => flushed.then(() => order.push('flushed')));
  order.push('exported');
  exporting.resolve();
  await Promise.all(both);
  expect(order).toEqual(['exported', 'flushed', 'flushed']);
});
