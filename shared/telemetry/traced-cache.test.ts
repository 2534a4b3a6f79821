import { afterEach, expect, test, vi } from 'vitest';
import { createMemoryCache } from '../cache/index.ts';
import { tracedCache } from './traced-cache.ts';
import { startTracing } from './tracing.ts';

afterEach(() => vi.unstubAllEnvs());

/** A span of a sampled record, the children that it gets, and how something is done while that record is handled. */
async function recorded() {
  vi.stubEnv('OTEL_TRACES_EXPORTER', 'none');
  const tracing = await startTracing('cache', {});
  const span = tracing.start('classifier', 't', { traceparent: `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01` })!;
  const children: [name: string, error?: unknown][] = [];
  vi.spyOn(span, 'child').mockImplementation((name) => ({ context: span.context, end: (error) => void children.push([name, error]) }));
  const inSpan = <Result>(action: () => Result) => tracing.run(span, action);
  return { tracing, children, inSpan };
}

test('each call for a sampled record has a span, and one that fails tells why; others have none', async () => {
  const { tracing, children, inSpan } = await recorded();
  const memory = createMemoryCache();
  const cache = tracedCache(memory);
  await cache.set('a', 'x');
  expect(await cache.get('a')).toBe('x');
  expect(children).toEqual([]);
  const failure = new Error('away');
  vi.spyOn(memory, 'increment').mockRejectedValue(failure);
  await inSpan(async () => {
    await cache.append('b', 'y', { limit: 2, source: 's', offset: 1 });
    expect(await cache.get('a')).toBe('x');
    await expect(cache.increment('n')).rejects.toBe(failure);
  });
  expect(children).toEqual([['redis append', undefined], ['redis get', undefined], ['redis increment', failure]]);
  expect([cache.shared, cache.description]).toEqual([memory.shared, memory.description]);
  await cache.close();
  await tracing.close();
});
