import { rmSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { startKafkaBroker } from '../support/kafka-broker.ts';
import { temporaryFolder } from '../support/processes.ts';
import { startTandem, type Draft } from '../support/system.ts';
import { until } from '../support/until.ts';

const AWAY_MS = 30_000;
const REQUESTS = 400;

const drafts = (count: number): Draft[] => Array.from({ length: count }, (_, index) => ({
  workload: 'recommend', userId: `user-${index % 40}`, input: { history: ['1', '2', '3'] }, hints: { task: (['coarse', 'fine', 'full'] as const)[index % 3]!, deadlineMs: 600_000 },
}));

test('at least once: Kafka is killed in the midst of work and away for 30 s; all that was asked before and meanwhile is answered, once', { timeout: 300_000 }, async () => {
  const dataDirectory = temporaryFolder('tandem-away-');
  const first = await startKafkaBroker({ dataDirectory });
  let broker = first;
  onTestFinished(async () => {
    await broker.kill();
    rmSync(dataDirectory, { recursive: true, force: true });
  });
  await using tandem = await startTandem({ kafka: first.address });
  const { client } = tandem;
  const before = client.ask(drafts(REQUESTS), 200_000);
  await until(() => client.answered > REQUESTS / 8, { timeoutMs: 60_000, what: 'the first answers' });
  await first.kill();
  expect(client.answered).toBeLessThan(REQUESTS);
  const meanwhile = client.ask(drafts(REQUESTS), 200_000);
  await delay(AWAY_MS);
  broker = await startKafkaBroker({ dataDirectory, port: first.port, controllerPort: first.controllerPort });
  await Promise.all([before, meanwhile]);
  // Whoever would answer again does so before he answers these.
  await client.ask(drafts(40), 60_000);
  expect([...client.responses].filter(([, all]) => all.length > 1).map(([id]) => id)).toEqual([]);
  expect(new Set([...client.responses.values()].map(([response]) => response!.status))).toEqual(new Set(['complete']));
});
