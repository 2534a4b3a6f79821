import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../clock/index.ts';
import { BrokerClock } from './broker-clock.ts';

/** A write that takes this long to get to the broker, and this long back. */
interface RoundTrip {
  thereMs: number;
  backMs: number;
  /** Time before it. */
  pauseMs: number;
}

const roundTrips = (over: { minLength?: number } = {}): fc.Arbitrary<RoundTrip[]> =>
  fc.array(fc.record({ thereMs: fc.nat(400), backMs: fc.nat(400), pauseMs: fc.nat(20_000) }), { minLength: 1, maxLength: 40, ...over });

const START = 1_700_000_000_000;

/** A broker whose clock differs from the local one, and an estimator that is told of writes. */
class Bench {
  readonly local = new ManualClock(START);
  readonly clock = new BrokerClock(this.local);
  offsetMs: number;

  constructor(offsetMs: number) {
    this.offsetMs = offsetMs;
  }

  write({ thereMs, backMs, pauseMs }: RoundTrip): void {
    this.local.advance(pauseMs);
    const sentAt = this.local.now();
    this.local.advance(thereMs);
    const logAppendTime = Math.floor(this.local.now() + this.offsetMs);
    this.local.advance(backMs);
    this.clock.acknowledged({ sentAt, ackedAt: this.local.now(), logAppendTime });
  }

  get errorMs(): number {
    return Math.abs(this.clock.now() - (this.local.now() + this.offsetMs));
  }
}

const offsets = fc.integer({ min: -100_000, max: 100_000 });

describe('the estimate of the broker\'s clock', () => {
  it('is the local clock until something is known', () => {
    expect(new Bench(5_000).clock.now()).toBe(START);
  });

  it('is wrong by half of the shortest round trip of the last minute at most', () => {
    fc.assert(
      fc.property(offsets, roundTrips(), (offsetMs, trips) => {
        const bench = new Bench(offsetMs);
        const acked: { at: number; tookMs: number }[] = [];
        for (const trip of trips) {
          bench.write(trip);
          acked.push({ at: bench.local.now(), tookMs: trip.thereMs + trip.backMs });
          const recent = acked.filter(({ at }) => at >= bench.local.now() - 60_000);
          expect(bench.errorMs).toBeLessThanOrEqual(Math.min(...recent.map(({ tookMs }) => tookMs)) / 2 + 1);
        }
      }),
    );
  });

  it('follows a clock that is set, either way, within a minute', () => {
    fc.assert(
      fc.property(offsets, offsets, roundTrips(), roundTrips(), (before, after, firstTrips, laterTrips) => {
        const bench = new Bench(before);
        for (const trip of firstTrips) bench.write(trip);
        bench.offsetMs = after;
        bench.write({ thereMs: 5, backMs: 5, pauseMs: 61_000 });
        for (const trip of laterTrips) bench.write(trip);
        expect(bench.errorMs).toBeLessThanOrEqual(401);
      }),
    );
  });

  it('follows at once where a sample contradicts what was known', () => {
    const bench = new Bench(0);
    bench.write({ thereMs: 1, backMs: 1, pauseMs: 0 });
    bench.offsetMs = -5_000;
    bench.write({ thereMs: 10, backMs: 30, pauseMs: 5 });
    expect(bench.errorMs).toBeLessThanOrEqual(21);
    // The machine's own clock is set back by an hour.
    const local = new ManualClock(START);
    const clock = new BrokerClock(local);
    clock.acknowledged({ sentAt: START, ackedAt: START + 2, logAppendTime: START + 1 });
    clock.acknowledged({ sentAt: START - 3_600_000, ackedAt: START - 3_599_990, logAppendTime: START + 105 });
    expect(clock.offsetMs).toBe(3_600_100);
  });

  it('is at least what a record has been stamped with', () => {
    const bench = new Bench(0);
    bench.clock.seen(START + 5_000);
    expect(bench.clock.now()).toBeGreaterThanOrEqual(START + 4_999);
    bench.clock.seen(START - 7_000);
    expect(bench.clock.now()).toBeGreaterThanOrEqual(START + 4_999);
    bench.write({ thereMs: 2, backMs: 2, pauseMs: 10 });
    expect(bench.errorMs).toBeLessThanOrEqual(3);
  });

  it('takes a record from the future as proof against what was known', () => {
    const bench = new Bench(0);
    bench.write({ thereMs: 2, backMs: 2, pauseMs: 10 });
    bench.offsetMs = 5_000;
    bench.clock.seen(bench.local.now() + 4_990);
    expect(bench.errorMs).toBeLessThanOrEqual(11);
    bench.write({ thereMs: 2, backMs: 2, pauseMs: 10 });
    expect(bench.errorMs).toBeLessThanOrEqual(11);
  });

  it('makes nothing of topics that keep the producer\'s times', () => {
    const bench = new Bench(5_000);
    bench.clock.acknowledged({ sentAt: START, ackedAt: START + 10, logAppendTime: -1 });
    expect(bench.clock.now()).toBe(START);
  });
});

describe('how far away the broker is', () => {
  it('is the moving mean of what writes took, and unknown when nothing was written for a while', () => {
    const { local, clock } = new Bench(0);
    const write = (tookMs: number, logAppendTime = START) => {
      const sentAt = local.now();
      local.advance(tookMs);
      clock.acknowledged({ sentAt, ackedAt: local.now(), logAppendTime });
    };
    expect(clock.roundTripMs).toBeUndefined();
    write(10);
    expect(clock.roundTripMs).toBe(10);
    write(20);
    expect(clock.roundTripMs).toBe(12);
    // A topic with its senders' times says nothing of the clock, but as much of the way.
    write(12, -1);
    expect(clock.roundTripMs).toBe(12);
    local.advance(5_001);
    expect(clock.roundTripMs).toBeUndefined();
    write(30);
    expect(clock.roundTripMs).toBe(30);
  });
});
