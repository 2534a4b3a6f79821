import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BufferPool, type Slot } from './buffer-pool.ts';

function pool(most: number) {
  const announced: [id: number, version: number][] = [];
  return { announced, buffers: new BufferPool(most, (slot) => announced.push([slot.id, slot.version])) };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

test('after a while nothing is allocated any more', async () => {
  const { buffers, announced } = pool(4);
  const sizes = [100, 50_000, 3_000, 200_000, 1];
  const once = async () => {
    for (const bytes of sizes) buffers.release(await buffers.acquire(bytes));
  };
  for (let round = 0; round < 5; round += 1) await once();
  const allocations = announced.length;
  for (let round = 0; round < 50; round += 1) await once();
  expect(announced.length).toBe(allocations);
});

test('a slot is large enough, with one holder at a time, and there are never more than allowed', async () => {
  await fc.assert(fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 300_000 }), { maxLength: 60 }), fc.integer({ min: 1, max: 5 }), async (sizes, most) => {
    const { buffers } = pool(most);
    const held = new Set<Slot>();
    const holders = sizes.map(async (bytes) => {
      const slot = await buffers.acquire(bytes);
      expect(held.has(slot)).toBe(false);
      expect(slot.bytes).toBeGreaterThanOrEqual(bytes);
      held.add(slot);
      expect(held.size).toBeLessThanOrEqual(most);
      await turn();
      held.delete(slot);
      buffers.release(slot);
    });
    await Promise.all(holders);
  }), { numRuns: 30 });
});

test('who waits is served in order of arrival, also with a slot that has to grow', async () => {
  const { buffers, announced } = pool(1);
  const first = await buffers.acquire(10);
  const order: string[] = [];
  const large = Promise.resolve(buffers.acquire(1_000_000)).then((slot) => (order.push('large'), slot));
  const small = Promise.resolve(buffers.acquire(10)).then((slot) => (order.push('small'), slot));
  buffers.release(first);
  buffers.release(await large);
  expect((await small).bytes).toBeGreaterThanOrEqual(1_000_000);
  expect(order).toEqual(['large', 'small']);
  expect(announced).toEqual([[0, 1], [0, 2]]);
});

test('who waits when everything closes is turned away', async () => {
  const { buffers } = pool(1);
  await buffers.acquire(1);
  const waiting = buffers.acquire(1);
  buffers.rejectWaiting(new Error('closed'));
  await expect(waiting).rejects.toThrow('closed');
});
