import { expect, test } from 'vitest';
import { ControlBlock, createControlBuffer } from './control-block.ts';

const block = (slots = 4, threads = 2) => new ControlBlock(createControlBuffer(slots, threads), threads);

test('threads take what was offered first, each slot once', () => {
  const control = block();
  control.enqueue(3, 10);
  control.enqueue(0, 11);
  control.enqueue(2, 12);
  expect([control.claim(0), control.claim(1), control.claim(0), control.claim(1)]).toEqual([3, 0, 2, undefined]);
});

test('what is for the background nobody else takes, and the other way round', () => {
  const control = block();
  control.enqueue(3, 10, true);
  control.enqueue(0, 11);
  control.enqueue(2, 12, true);
  expect([control.claim(0), control.claim(0)]).toEqual([0, undefined]);
  expect([control.claim(1, true), control.claim(1, true), control.claim(1, true)]).toEqual([3, 2, undefined]);
});

test('the order survives the wrapping of sequence numbers', () => {
  const control = block();
  control.enqueue(1, -2_147_483_648);
  control.enqueue(0, 2_147_483_647);
  expect([control.claim(0), control.claim(0)]).toEqual([0, 1]);
});

test('what a thread had taken is known until its result has arrived', () => {
  const control = block();
  for (const slot of [0, 1, 2]) control.enqueue(slot, slot);
  control.claim(0);
  control.claim(1);
  control.claim(0);
  control.finish(0);
  expect([control.claimedBy(0), control.claimedBy(1)]).toEqual([[2], [1]]);
});

test('nothing begins after a halt, which waits for the busy no longer than it may', () => {
  const control = block();
  expect(control.begin(0)).toBe(true);
  control.halt(5);
  expect(control.begin(1)).toBe(false);
  control.idle(0);
  control.halt(60_000);
});
