import assert from 'node:assert/strict';

/** Moves a clock until the promise has settled; turns of the event loop in between let other work go on. */
export async function untilSettled(promise: Promise<unknown>, move: () => void): Promise<void> {
  let settled = false;
  const done = () => {
    settled = true;
  };
  promise.then(done, done);
  for (let turn = 0; turn < 10_000 && !settled; turn += 1) {
    await new Promise((resolve) => setImmediate(resolve));
    if (!settled) move();
  }
  assert.ok(settled, 'the promise has not settled');
}
