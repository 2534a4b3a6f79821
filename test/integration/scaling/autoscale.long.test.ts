import { expect, test } from 'vitest';
import { until } from '../../support/until.ts';
import { doubled, PATIENCE_MS, requests, startCluster } from './scaled-cluster.ts';

test('where there may be none, the last worker sleeps when nothing is asked, and the next request wakes one up', async () => {
  await using cluster = await startCluster('0..1', '--scale-idle-after-ms', '2000');
  const { client, workers, command } = cluster;
  const [first] = await client.ask(requests(1), PATIENCE_MS);
  expect(first?.status).toBe('complete');
  await until(() => workers.size === 0 && command.log().includes('has handed over and ended'), { timeoutMs: PATIENCE_MS, what: () => `sleep:\n${command.log()}` });
  const [second] = await client.ask(requests(1), PATIENCE_MS);
  expect(second?.status).toBe('complete');
  expect(command.log()).toMatch(/"tookMs":\d+.*"msg":"a worker serves"/);
  expect(doubled(client)).toBe(0);
}, 2 * PATIENCE_MS);
