import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Gate } from './gate.ts';

test('never more than its size are inside, and all get in, in the order in which they came', async () => {
  await fc.assert(fc.asyncProperty(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 0, max: 40 }), async (size, visitors) => {
    const gate = new Gate(size);
    const order: number[] = [];
    let inside = 0;
    let most = 0;
    await Promise.all(Array.from({ length: visitors }, async (_, visitor) => {
      await gate.enter();
      order.push(visitor);
      most = Math.max(most, (inside += 1));
      await Promise.resolve();
      inside -= 1;
      gate.leave();
    }));
    expect(order).toEqual(Array.from({ length: visitors }, (_, visitor) => visitor));
    expect(most).toBe(Math.min(size, visitors));
  }));
});
