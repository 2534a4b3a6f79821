import { expect, test } from 'vitest';
import { seededRandom } from '../../random/index.ts';
import { LossControl } from './loss-control.ts';

const DEADLINE_MS = 50;
const standard = (arrivedAt: number) => ({ arrivedAt, deadlineMs: DEADLINE_MS, weight: 1 });
const vip = (arrivedAt: number) => ({ arrivedAt, deadlineMs: DEADLINE_MS, weight: 4 });

interface Run {
  /** Requests per ms. */
  rate: number;
  /** Of one that is let in, ms of the one server there is. */
  serveMs: number;
  refuseMs: number;
  vipShare?: number;
  untilMs?: number;
  /** While the server stands still, ms. */
  pause?: [from: number, to: number];
}

/** One server that reads in order and works on everything that it has let in, in time or not: as a stage that is short of CPU does. */
function serve(control: LossControl | undefined, { rate, serveMs, refuseMs, vipShare = 0, untilMs = 10_000, pause }: Run) {
  const random = seededRandom(1, 'arrivals');
  const counts = { asked: 0, inTime: 0, refused: 0, vipRefused: 0 };
  let free = 0;
  for (let at = 0; at < untilMs; at += -Math.log(1 - random()) / rate) {
    let now = Math.max(at, free);
    if (pause !== undefined && now >= pause[0] && now < pause[1]) now = pause[1];
    const isVip = random() < vipShare;
    counts.asked += 1;
    if (control?.refuses(isVip ? vip(at) : standard(at), now) === true) {
      free = now + refuseMs;
      counts.refused += 1;
      if (isVip) counts.vipRefused += 1;
      continue;
    }
    free = now + serveMs;
    const isLost = free > at + DEADLINE_MS;
    control?.ended(isLost);
    if (!isLost) counts.inTime += 1;
  }
  return counts;
}

const CAPACITY = { serveMs: 0.4, refuseMs: 0.08 };

test.each([1.2, 1.5, 2, 3])('at %s times the capacity most of what is left after refusing is in time, where without it nearly nothing is', (load) => {
  const run = { rate: load / CAPACITY.serveMs, ...CAPACITY };
  const [without, withIt] = [serve(undefined, run), serve(new LossControl(), run)];
  expect(without.inTime).toBeLessThan(0.1 * without.asked);
  // x requests served and the others refused take all of the time.
  const best = (10_000 - withIt.asked * CAPACITY.refuseMs) / (CAPACITY.serveMs - CAPACITY.refuseMs);
  expect(withIt.inTime).toBeGreaterThan(0.5 * best);
});

test('below the capacity nobody is refused', () => {
  expect(serve(new LossControl(), { rate: 0.8 / CAPACITY.serveMs, ...CAPACITY }).refused).toBe(0);
});

test('what a pause of the machine loses makes nobody be refused', () => {
  const counts = serve(new LossControl(), { rate: 0.5 / CAPACITY.serveMs, ...CAPACITY, pause: [3_000, 3_300] });
  expect(counts.asked - counts.inTime).toBeGreaterThan(100);
  expect(counts.refused).toBe(0);
});

test('a few that are always late, whatever is refused, make nobody be refused', () => {
  const control = new LossControl();
  for (let now = 0; now < 5_000; now += 1) {
    expect(control.refuses(standard(now), now)).toBe(false);
    control.ended(now % 12 === 0);
  }
});

test('losses that no refusal mends are answered in proportion, and no more', () => {
  const control = new LossControl();
  for (let now = 0; now < 20_000; now += 1) if (!control.refuses(standard(now), now)) control.ended(now % 7 === 0);
  expect(control.share).toBeGreaterThan(0.1);
  expect(control.share).toBeLessThan(0.35);
});

test('when the overload is over, everybody is let in again', () => {
  const control = new LossControl();
  serve(control, { rate: 2 / CAPACITY.serveMs, ...CAPACITY });
  expect(control.share).toBeGreaterThan(0.2);
  let refused = 0;
  for (let now = 10_100; now < 15_000; now += 1) {
    if (control.refuses(standard(now), now)) refused += 1;
    else control.ended(false);
  }
  expect(control.share).toBe(0);
  // Half a second's.
  expect(refused).toBeLessThan(500);
});

test('where a quarter as many are sent from one moment to the next, few are refused for what was sent before, and soon nobody', () => {
  const control = new LossControl();
  const over = serve(control, { rate: 2 / CAPACITY.serveMs, ...CAPACITY });
  expect(over.refused).toBeGreaterThan(0.3 * over.asked);
  let refused = 0;
  for (let at = 10_050; at < 10_550; at += CAPACITY.serveMs / 0.5) {
    if (control.refuses(standard(at), at)) refused += 1;
    else control.ended(false);
  }
  // Of what comes in half a second.
  expect(refused).toBeLessThan((0.35 * 500 * 0.5) / CAPACITY.serveMs);
  expect(control.share).toBe(0);
});

test('nor is anybody refused after a pause between requests', () => {
  const control = new LossControl();
  serve(control, { rate: 2 / CAPACITY.serveMs, ...CAPACITY });
  expect(control.refuses(standard(13_000), 13_000)).toBe(false);
  expect(control.share).toBe(0);
});

test('who weighs more is refused last', () => {
  const control = new LossControl();
  const counts = serve(control, { rate: 1.5 / CAPACITY.serveMs, ...CAPACITY, vipShare: 0.2 });
  expect(counts.refused).toBeGreaterThan(0.2 * counts.asked);
  expect(counts.vipRefused).toBeLessThan(0.05 * counts.refused);
});
