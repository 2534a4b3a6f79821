import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { MembershipLease } from './membership-lease.ts';

const SESSION_MS = 10_000;
const now = () => ({ monotonic: performance.now(), wall: Date.now() });

function createLease(): MembershipLease {
  const lease = new MembershipLease(SESSION_MS);
  onTestFinished(() => lease.lapse());
  return lease;
}

/** As SIGSTOP: time passes, and nothing runs meanwhile. */
function sleep(durationMs: number): void {
  vi.setSystemTime(Date.now() + durationMs);
  const before = performance.now;
  vi.spyOn(performance, 'now').mockImplementation(() => before.call(performance) + durationMs);
}

describe('a lease of a membership', () => {
  beforeEach(() => {
    vi.useFakeTimers();
    onTestFinished(() => {
      vi.restoreAllMocks();
      vi.useRealTimers();
    });
  });

  it('does not hold before the group has confirmed it, nor after it has lapsed', () => {
    const lease = createLease();
    expect(lease.holds).toBe(false);
    lease.confirmed(now());
    expect(lease.holds).toBe(true);
    lease.lapse();
    expect(lease.holds).toBe(false);
  });

  it('holds through late heartbeats, and ends before the session does', () => {
    const lease = createLease();
    lease.confirmed(now());
    vi.advanceTimersByTime(SESSION_MS * 0.75);
    expect(lease.holds).toBe(true);
    vi.advanceTimersByTime(SESSION_MS * 0.1);
    expect(lease.holds).toBe(false);
  });

  it('counts from when that was sent which the group has answered, not from when the answer was read', () => {
    const lease = createLease();
    const sent = now();
    sleep(12_000);
    lease.confirmed(sent);
    expect(lease.holds).toBe(false);
  });

  it('ends while the machine is suspended, whose monotonic clock stands still', () => {
    const lease = createLease();
    lease.confirmed(now());
    vi.setSystemTime(Date.now() + 12_000);
    expect(lease.holds).toBe(false);
  });

  it('holds while the member joins anew, for as long as it is awake to hear how that ends', () => {
    const lease = createLease();
    lease.confirmed(now());
    lease.rejoining();
    vi.advanceTimersByTime(5_000);
    expect(lease.holds).toBe(true);
    sleep(2_000);
    expect(lease.holds).toBe(false);
    vi.advanceTimersByTime(500);
    expect(lease.holds).toBe(false);
    lease.confirmed(now());
    vi.advanceTimersByTime(5_000);
    expect(lease.holds).toBe(true);
  });
});
