import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CircuitBreaker, type BreakerPermit } from './circuit-breaker.ts';

/** random() = 0: open times in full. */
const create = () => new CircuitBreaker({ random: () => 0 });

function fail(breaker: CircuitBreaker, times: number, now: number): void {
  for (let time = 0; time < times; time += 1) breaker.failed(breaker.begin(now)!, now);
}

test('it opens after five batches in a row in which nothing succeeded', () => {
  const breaker = create();
  fail(breaker, 4, 0);
  breaker.succeeded(breaker.begin(0)!);
  fail(breaker, 4, 0);
  expect(breaker.state(0)).toBe('closed');
  fail(breaker, 1, 0);
  expect(breaker.state(0)).toBe('open');
  expect(breaker.begin(999)).toBeUndefined();
});

test('after a second one batch may try, and no other meanwhile', () => {
  const breaker = create();
  fail(breaker, 5, 0);
  expect(breaker.state(1_000)).toBe('half_open');
  const probe = breaker.begin(1_000);
  expect(probe).toMatchObject({ isProbe: true });
  expect(breaker.begin(1_001)).toBeUndefined();
  breaker.succeeded(probe!);
  expect(breaker.state(1_002)).toBe('closed');
});

test('each failed probe doubles the time, up to 30 s; a success begins anew', () => {
  const breaker = create();
  fail(breaker, 5, 0);
  let now = 0;
  for (const seconds of [1, 2, 4, 8, 16, 30, 30]) {
    expect(breaker.state(now + seconds * 1_000 - 1)).toBe('open');
    now += seconds * 1_000;
    expect(breaker.state(now)).toBe('half_open');
    fail(breaker, 1, now);
  }
  now += 30_000;
  breaker.succeeded(breaker.begin(now)!);
  fail(breaker, 5, now);
  expect(breaker.state(now + 999)).toBe('open');
  expect(breaker.state(now + 1_000)).toBe('half_open');
});

test('a probe that ended without a verdict makes room for another', () => {
  const breaker = create();
  fail(breaker, 5, 0);
  breaker.withdrawn(breaker.begin(1_000)!);
  expect(breaker.begin(1_000)).toMatchObject({ isProbe: true });
});

test('batches that began before it opened change nothing any more', () => {
  const breaker = create();
  const early = [breaker.begin(0)!, breaker.begin(0)!];
  fail(breaker, 5, 0);
  breaker.succeeded(early[0]!);
  breaker.failed(early[1]!, 500);
  expect(breaker.state(999)).toBe('open');
  expect(breaker.state(1_000)).toBe('half_open');
});

const step = fc.record({ passed: fc.integer({ min: 0, max: 2_000 }), act: fc.constantFrom('begin', 'succeed', 'fail', 'withdraw'), which: fc.nat(5), random: fc.double({ min: 0, max: 0.999, noNaN: true }) });

test('whatever happens: open times lie within their bounds, one probe at a time, and it can always be used again', () => {
  fc.assert(fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
    let random = 0;
    const breaker = new CircuitBreaker({ random: () => random });
    const running: BreakerPermit[] = [];
    let now = 0;
    let openSince: number | undefined;
    for (const { passed, act, which, random: drawn } of steps) {
      now += passed;
      random = drawn;
      const before = breaker.state(now);
      const permit = running[which % Math.max(1, running.length)];
      if (act === 'begin' || permit === undefined) {
        const given = breaker.begin(now);
        if (before === 'open') expect(given).toBeUndefined();
        if (before === 'closed') expect(given).toMatchObject({ isProbe: false });
        if (given !== undefined) running.push(given);
      } else {
        running.splice(running.indexOf(permit), 1);
        if (act === 'succeed') breaker.succeeded(permit);
        else if (act === 'fail') breaker.failed(permit, now);
        else breaker.withdrawn(permit);
      }
      if (breaker.state(now) === 'open' && before !== 'open') openSince = now;
      if (openSince !== undefined && breaker.state(now) === 'open') expect(now - openSince).toBeLessThan(30_000);
      if (act === 'fail' && permit !== undefined && before === 'closed' && breaker.state(now) === 'open') expect(breaker.state(now + 749)).toBe('open');
    }
    now += 30_000;
    for (const permit of running) breaker.withdrawn(permit);
    expect(breaker.begin(now)).toBeDefined();
  }));
});
