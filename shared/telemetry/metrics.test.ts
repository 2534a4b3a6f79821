import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { expose } from './exposition.ts';
import { createMetrics } from './metrics.ts';

test('docs/metrics.md lists every metric', () => {
  const document = readFileSync(join(import.meta.dirname, '../../docs/metrics.md'), 'utf8');
  const documented = [...document.matchAll(/^\| `((?:tandem|messaging)_\w+)` \|/gm)].map(([, name]) => name);
  const { registry } = createMetrics({ processMetrics: false });
  expect(documented).toEqual(registry.getMetricsAsArray().map(({ name }) => name));
});

test('no label can hold a user or a request', () => {
  const { registry } = createMetrics({ processMetrics: false });
  const labels = registry.getMetricsAsArray().flatMap((metric) => (metric as unknown as { labelNames?: string[] }).labelNames ?? []);
  expect(labels.filter((label) => /user|request|item|key/i.test(label))).toEqual([]);
});

test('a scraper that asks for OpenMetrics gets exemplars, and counters under the same names', async () => {
  const { registry, responseSeconds, records, handleSeconds } = createMetrics({ processMetrics: false });
  records.inc({ stage: 'fusion', topic: 't', result: 'dead_letter' });
  handleSeconds.observe({ stage: 'fusion' }, 0.2);
  responseSeconds.observe({ labels: { workload: 'w' }, value: 0.2, exemplarLabels: { trace_id: 'abc' } });
  responseSeconds.observe({ labels: { workload: 'w' }, value: 3 });
  const plain = await expose(registry);
  const open = await expose(registry, 'application/openmetrics-text;version=1.0.0,text/plain;q=0.5');
  for (const { text } of [plain, open]) {
    expect(text).toContain('tandem_records_total{stage="fusion",topic="t",result="dead_letter"} 1');
    expect(text).toContain('messaging_client_consumed_messages_total{messaging_system="kafka",messaging_operation_name="process",messaging_destination_name="t",tandem_stage="fusion",error_type="dead_letter"} 1');
    expect(text).toMatch(/^messaging_process_duration_seconds_bucket\{le="0.25",messaging_system="kafka",messaging_operation_name="process",tandem_stage="fusion"\} 1$/m);
  }
  expect(plain.text).not.toContain('trace_id');
  expect(open.text).toMatch(/^tandem_response_seconds_bucket\{le="0.25",workload="w"\} 1 # \{trace_id="abc"\} 0.2 \d+/m);
  expect(open.text.match(/trace_id/g)).toHaveLength(1);
  expect(open.text.endsWith('# EOF\n')).toBe(true);
  expect((await expose(registry)).text).toBe(plain.text);
});

test('how far away the broker is is asked for when metrics are, and has no value while nobody knows', async () => {
  const { registry, onBrokerAsked } = createMetrics({ processMetrics: false });
  const shown = async () => /^tandem_broker_round_trip_seconds (.*)$/m.exec((await expose(registry)).text)?.[1];
  expect(await shown()).toBeUndefined();
  let brokerMs: number | undefined = 2.5;
  onBrokerAsked(() => brokerMs);
  expect(await shown()).toBe('0.0025');
  brokerMs = undefined;
  expect(await shown()).toBeUndefined();
});
