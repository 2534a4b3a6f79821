import { fileURLToPath } from 'node:url';
import { readFileSync } from 'node:fs';
import type { GraphSpec, Variant } from '@tandem/schemas';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { createOnnxEngine } from './onnx-engine.ts';
import { droppedOptions, parseProvider, type ProviderConfig } from './provider.ts';

const FIXTURES = fileURLToPath(new URL('../fixtures/', import.meta.url));
const graphs = JSON.parse(readFileSync(`${FIXTURES}graphs.json`, 'utf8')) as Record<string, GraphSpec>;
const double: Variant = {
  model: 'double', precision: 'fp32', version: '1', status: 'stable', adapter: 'none', lineage: {}, limits: {}, graphs: { double: graphs['double']! },
  accuracy: { metric: 'none', value: 1, others: {}, data: 'none', date: 'none' },
};

test('a provider is read from text with its options', () => {
  expect(parseProvider('cpu')).toBe('cpu');
  expect(parseProvider('tensorrt:deviceId=1:fp16=true:engineCache=/var/cache')).toEqual({ name: 'tensorrt', deviceId: 1, fp16: true, engineCache: '/var/cache' });
});

test.each(['', 'CUDA', 'cuda:deviceId', 'cuda:=1', 'cuda:deviceId='])('%j is no provider', (text) => {
  expect(() => parseProvider(text)).toThrow(/name\[:option=value\]… is expected/);
});

test('options that the binding drops are known', () => {
  expect(droppedOptions({ name: 'tensorrt', deviceId: 0, fp16: true, memoryLimitMb: 512 })).toEqual(['fp16', 'memoryLimitMb']);
  expect(droppedOptions('cuda')).toEqual([]);
  expect(droppedOptions({ name: 'brandnew', any: 1 })).toEqual([]);
});

async function warningsOf(providers: readonly ProviderConfig[]) {
  const lines: string[] = [];
  const logger = pino({ level: 'warn' }, { write: (line: string) => lines.push(line) });
  await using engine = createOnnxEngine({ modelsDirectory: FIXTURES, threads: 1, providers, logger });
  const { provider } = await engine.load(double);
  return { provider, warnings: lines.map((line) => JSON.parse(line) as Record<string, unknown>) };
}

test('where an accelerator cannot be used the CPU is, with warnings that name what has no effect and why it fell back', async () => {
  const { provider, warnings } = await warningsOf([{ name: 'nonesuch' }, { name: 'openvino', deviceId: 0 }]);
  expect(provider).toBe('cpu');
  expect(warnings.map((warning) => warning['provider'])).toEqual(['nonesuch', 'openvino']);
  for (const { reason, instead } of warnings) expect([reason, instead]).toEqual(['this build of onnxruntime-node has no such execution provider', 'cpu']);
});

test('an option without effect is warned of once, when the engine is made', async () => {
  const { warnings } = await warningsOf([{ name: 'cpu', useArena: false }]);
  expect(warnings).toMatchObject([{ provider: 'cpu', options: ['useArena'] }]);
});

test('graph optimisation and spinning do not change what comes out', async () => {
  for (const graphOptimization of ['disabled', 'all'] as const) {
    await using engine = createOnnxEngine({ modelsDirectory: FIXTURES, threads: 1, intraOpThreads: 2, spinning: false, graphOptimization });
    const loaded = await engine.load(double);
    const invocation = await loaded.prepare('double', { batch: 1, length: 2 });
    invocation.inputs['x']!.data.set([3, 4]);
    expect([...(await invocation.run()).outputs['y']!.data]).toEqual([6, 8]);
    invocation.release();
  }
});
