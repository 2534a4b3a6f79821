import { describe, expect, it } from 'vitest';
import { ManualClock, untilSettled } from '../clock/index.ts';
import { CachePatience } from './patience.ts';

const never = () => new Promise<never>(() => undefined);

/** Clocks go on while a last turn is given to the answer. */
const about = (ms: number) => expect.toSatisfy((waitedMs: number) => waitedMs >= ms && waitedMs <= ms + 3) as number;

async function waited(clock: ManualClock, asked: Promise<unknown>): Promise<number> {
  const from = clock.now();
  const outcome = expect(asked).rejects.toMatchObject({ code: 'cache_unavailable', retryable: true });
  await untilSettled(asked, () => clock.advance(1));
  await outcome;
  return clock.now() - from;
}

describe('the wait for the cache', () => {
  it('is not watched where the cache lives in the process, and answers at once', async () => {
    const clock = new ManualClock(0);
    const asked = new CachePatience(clock, { shared: false }).ask(1_000, async () => 'answer');
    expect(clock.pending).toBe(0);
    expect(await asked).toBe('answer');
  });

  it('is a share of the time until the deadline, and little once it was in vain', async () => {
    const clock = new ManualClock(0);
    const patience = new CachePatience(clock, { shared: true });
    expect(await waited(clock, patience.ask(1_000, never))).toEqual(about(500));
    expect(await waited(clock, patience.ask(10_000, never))).toEqual(about(50));
    expect(await waited(clock, patience.ask(clock.now() + 20, never))).toEqual(about(10));
    expect(clock.pending).toBe(0);
  });

  it('is long again after an answer, also one that came too late for its question', async () => {
    const clock = new ManualClock(0);
    const patience = new CachePatience(clock, { shared: true });
    const late = Promise.withResolvers<string>();
    expect(await waited(clock, patience.ask(1_000, () => late.promise))).toEqual(about(500));
    late.resolve('here I am');
    await late.promise;
    expect(await patience.ask(2_000, async () => 'answer')).toBe('answer');
    expect(await waited(clock, patience.ask(clock.now() + 1_000, never))).toEqual(about(500));
  });

  it('does not count an answer as missing that came while the process itself was late', async () => {
    const clock = new ManualClock(0);
    const patience = new CachePatience(clock, { shared: true });
    const answer = Promise.withResolvers<string>();
    const asked = patience.ask(1_000, () => answer.promise);
    clock.advance(5_000);
    answer.resolve('was in the socket');
    expect(await asked).toBe('was in the socket');
  });

  it('stays long where others are answered meanwhile: it is slow, not silent', async () => {
    const clock = new ManualClock(0);
    const patience = new CachePatience(clock, { shared: true });
    const slow = waited(clock, patience.ask(1_000, never));
    await patience.ask(1_000, async () => 'answer');
    expect(await slow).toEqual(about(500));
    expect(await waited(clock, patience.ask(clock.now() + 1_000, never))).toEqual(about(500));
  });

  it('without a deadline is the cache’s own, except while it does not answer', async () => {
    const clock = new ManualClock(0);
    const patience = new CachePatience(clock, { shared: true });
    const asked = patience.ask(null, async () => Promise.reject(new Error('refused')));
    await expect(asked).rejects.toThrow('refused');
    expect(await waited(clock, patience.ask(null, never))).toEqual(about(50));
  });
});
