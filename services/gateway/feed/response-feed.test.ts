import type { EventLog } from '@tandem/shared/log';
import { silentLogger } from '@tandem/shared/telemetry';
import { expect, test } from 'vitest';
import { ResponseFeed } from './response-feed.ts';

test('a log that was away when somebody wanted to follow is asked again for the next, and nobody counts who does not follow', async () => {
  let isAway = true;
  const tail = async () => {
    if (isAway) throw new Error('away');
    return { close: async () => undefined };
  };
  const feed = new ResponseFeed({ log: { tail } as unknown as EventLog, prefix: 't.', logger: silentLogger });
  const failed = await Promise.allSettled([feed.follow(() => undefined), feed.follow(() => undefined)]);
  expect([failed.map(({ status }) => status), feed.followers]).toEqual([['rejected', 'rejected'], 0]);
  isAway = false;
  const leave = await feed.follow(() => undefined);
  expect(feed.followers).toBe(1);
  leave();
  expect(feed.followers).toBe(0);
});
