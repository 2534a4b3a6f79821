import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createMetrics } from './metrics.ts';

test('docs/metrics.md lists every metric', () => {
  const document = readFileSync(join(import.meta.dirname, '../../docs/metrics.md'), 'utf8');
  const documented = [...document.matchAll(/^\| `(tandem_\w+)` \|/gm)].map(([, name]) => name);
  const { registry } = createMetrics({ processMetrics: false });
  expect(documented).toEqual(registry.getMetricsAsArray().map(({ name }) => name));
});

test('no label can hold a user or a request', () => {
  const { registry } = createMetrics({ processMetrics: false });
  const labels = registry.getMetricsAsArray().flatMap((metric) => (metric as unknown as { labelNames: string[] }).labelNames);
  expect(labels.filter((label) => /user|request|item|key/i.test(label))).toEqual([]);
});
