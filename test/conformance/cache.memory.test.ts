import { createMemoryCache } from '@tandem/shared/cache';
import { describeCache } from './cache.ts';

describeCache('memory', async () => {
  let now = 1_000;
  const clock = { now: () => now, schedule: () => () => undefined };
  return {
    cache: createMemoryCache({ maxEntries: 10_000, clock }),
    passTime: async (durationMs) => {
      now += durationMs;
    },
  };
});
