import { expect, test } from 'vitest';
import { until } from '../../support/until.ts';
import { doubled, incomplete, PATIENCE_MS, requests, startCluster } from './scaled-cluster.ts';

/** Down to none, and up again: autoscale.long.test.ts. */
test('a worker process comes with the load and goes after it, and every request is answered once', async () => {
  await using cluster = await startCluster('1..2');
  const { client, workers, command } = cluster;
  const atOnce = (count: number) => until(() => workers.size === count, { timeoutMs: PATIENCE_MS, what: () => `${count} workers, not ${workers.size}:\n${command.log()}` });
  await client.ask(requests(1), PATIENCE_MS);
  expect(workers.size).toBe(1);
  // More than one worker works off in time.
  const heavy = client.ask(requests(5_000), PATIENCE_MS);
  await atOnce(2);
  await heavy;
  // Some load while the second one goes, too little for two.
  let going = true;
  const gone = atOnce(1).finally(() => (going = false));
  while (going) await client.ask(requests(5), PATIENCE_MS);
  await gone;
  expect(doubled(client)).toBe(0);
  expect(incomplete(client)).toBe(0);
  expect(client.deadLetters).toEqual([]);
  expect(await command.stop(), command.log()).toBe(0);
}, 2 * PATIENCE_MS);
