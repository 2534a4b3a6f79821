import { totalmem } from 'node:os';
import { loadSettings } from '@tandem/shared/config';
import { loadRegistry, stableVariants } from '@tandem/shared/registry';
import { silentLogger } from '@tandem/shared/telemetry';
import { expect, onTestFinished, test } from 'vitest';
import { engineOf, memoryBudgetBytes } from './inference-engine.ts';

test.runIf(process.platform === 'linux')('bulk has as many threads again where memory has room for their sessions, or as many as it is given', async () => {
  const registry = await loadRegistry(loadSettings({ flags: {} }).models);
  const served = stableVariants(registry);
  const bytes = served.flatMap(({ graphs }) => Object.values(graphs)).reduce((sum, graph) => sum + graph.bytes, 0);
  const threadsOf = (flags: Record<string, string>) => {
    const ports = { logger: silentLogger, metrics: { abandonedThreads: { set: () => undefined } }, unfit: Promise.withResolvers<never>() };
    const engine = engineOf(loadSettings({ flags: { threads: '2', ...flags } }), served, ports as unknown as Parameters<typeof engineOf>[2]);
    onTestFinished(() => engine.close());
    return [engine.concurrency, engine.backgroundConcurrency];
  };
  const megabytes = (threads: number) => String(Math.ceil((threads * bytes) / 1_048_576) + 1);
  expect(threadsOf({ memoryBudgetMb: megabytes(4) })).toEqual([2, 2]);
  expect(threadsOf({ memoryBudgetMb: megabytes(3) })).toEqual([2, 0]);
  expect(threadsOf({ memoryBudgetMb: megabytes(4), overcommit: 'on' })).toEqual([2, 0]);
  expect(threadsOf({ memoryBudgetMb: megabytes(3), bulkThreads: '1' })).toEqual([2, 1]);
  expect(threadsOf({ bulkThreads: '0' })).toEqual([2, 0]);
});

test('models may take half of the memory: of the container’s, where it is limited, and of the machine’s else', () => {
  const settings = loadSettings({});
  expect(memoryBudgetBytes(settings, 1_048_576)).toBe(524_288);
  expect(memoryBudgetBytes(settings, 0)).toBe(totalmem() / 2);
  expect(memoryBudgetBytes(settings, 2 ** 64)).toBe(totalmem() / 2);
  expect(memoryBudgetBytes({ memoryBudgetMb: 3 }, 1_048_576)).toBe(3_145_728);
});
