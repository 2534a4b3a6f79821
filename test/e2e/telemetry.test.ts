import { randomUUID } from 'node:crypto';
import { expect, inject, test } from 'vitest';
import { HEADER, topicName } from '@tandem/schemas';
import { loadSettings } from '@tandem/shared/config';
import { openPorts } from '../../services/cli/compose/ports.ts';
import { ensureTopology } from '../../services/cli/compose/topology.ts';
import { startCommand } from '../support/cluster.ts';
import { startOtlpReceiver, type ReceivedSpan } from '../support/otlp-receiver.ts';
import { freePorts } from '../support/processes.ts';
import { Client } from '../support/system.ts';
import { until } from '../support/until.ts';

/** Spans whose parent was never exported, the sender's own aside. */
function orphans(spans: readonly ReceivedSpan[], sendersSpan: string): ReceivedSpan[] {
  const known = new Set([sendersSpan, ...spans.map(({ spanId }) => spanId)]);
  return spans.filter(({ parentSpanId }) => parentSpanId === undefined || !known.has(parentSpanId));
}

test('one trace leads through all processes, and so do the lines of their logs; each process shows its health', async () => {
  const prefix = `test-${randomUUID().slice(0, 8)}.`;
  const [kafka, redis] = [inject('kafka'), inject('redis')];
  await using receiver = await startOtlpReceiver();
  await using ports = await openPorts(loadSettings({ flags: { kafka, redis, prefix, logLevel: 'error' } }), 'test');
  await ensureTopology(loadSettings({ flags: { kafka, prefix } }), ports);
  const client = await Client.connect(ports, prefix);
  const stages = ['classifier', 'scheduler', 'worker', 'fusion'];
  const httpPorts = await freePorts(stages.length);
  const environment = { OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json', OTEL_BSP_SCHEDULE_DELAY: '200' };
  const flags = ['--kafka', kafka, '--redis', redis, '--prefix', prefix, '--otlp-endpoint', receiver.url, '--threads', '1', '--log-level', 'debug'];
  const processes = stages.map((stage, index) => startCommand(['stage', stage, ...flags, '--http-port', String(httpPorts[index])], environment));
  await using _ = { [Symbol.asyncDispose]: async () => void (await Promise.all(processes.map((process) => process.stop()))) };

  const get = (index: number, path: string) => fetch(`http://127.0.0.1:${httpPorts[index]}${path}`).then(async (response) => ({ status: response.status, text: await response.text() }), () => undefined);
  await until(async () => (await Promise.all(stages.map((_stage, index) => get(index, '/readyz')))).every((answer) => answer?.status === 200), { timeoutMs: 60_000, what: 'readiness' });

  const traceId = randomUUID().replaceAll('-', '');
  const sendersSpan = traceId.slice(0, 16);
  const producer = await ports.log.producer();
  const requestId = randomUUID();
  const value = JSON.stringify({ requestId, workload: 'recommend', input: { history: ['1', '2'] }, hints: { task: 'full', deadlineMs: 60_000 } });
  await producer.send([{ topic: topicName(prefix, 'requests'), key: null, value, headers: { [HEADER.traceparent]: `00-${traceId}-${sendersSpan}-01` } }]);
  await until(() => client.responses.has(requestId), { what: () => `a response; ${processes.map((process) => process.log()).join('')}` });

  const strayId = randomUUID().replaceAll('-', '');
  await producer.send([{ topic: topicName(prefix, 'requests'), key: null, value: 'garbage', headers: { [HEADER.traceparent]: `00-${strayId}-${sendersSpan}-01` } }]);
  const deadLetter = () => processes[0]?.log().split('\n').find((line) => line.includes('"msg":"dead letter"'));
  await until(() => deadLetter() !== undefined, { what: () => `a line of the dead letter; ${processes[0]?.log()}` });
  expect(JSON.parse(deadLetter() ?? '')).toMatchObject({ service: 'classifier', trace_id: strayId, span_id: expect.stringMatching(/^[0-9a-f]{16}$/) as string });

  const services = () => new Set(receiver.spans.map(({ service }) => service));
  await until(() => stages.every((stage) => services().has(`tandem-${stage}`)), { what: () => `spans of all stages, got ${receiver.spans.length} of ${[...services()].join()}` });
  await Promise.all(processes.map((process) => process.stop()));
  const spans = receiver.spans.filter((span) => span.traceId === traceId);
  expect(spans.length).toBeGreaterThanOrEqual(8);
  expect(orphans(spans, sendersSpan)).toEqual([]);
});

test('metrics name what happened, and health is told apart from readiness', async () => {
  const prefix = `test-${randomUUID().slice(0, 8)}.`;
  const [port] = await freePorts(1);
  await using demo = startCommand(['demo', '--events', '0', '--serve', '--kafka', inject('kafka'), '--prefix', prefix, '--http-port', String(port), '--threads', '1']);
  const get = (path: string) => fetch(`http://127.0.0.1:${port}${path}`).then(async (response) => ({ status: response.status, text: await response.text() }), () => undefined);
  await until(async () => (await get('/readyz'))?.status === 200, { timeoutMs: 60_000, what: 'readiness' });
  expect(await get('/healthz')).toMatchObject({ status: 200 });
  await using ports = await openPorts(loadSettings({ flags: { kafka: inject('kafka'), prefix, logLevel: 'error' } }), 'test');
  const client = await Client.connect(ports, prefix);
  await client.ask([{ workload: 'recommend', input: { history: ['1'] }, hints: { deadlineMs: 60_000 } }]);
  await client.write('requests', ['garbage']);
  await until(() => client.deadLetters.length === 1);
  // They are counted once they are written, when others may have read them already.
  const metrics = () => expect.poll(async () => (await get('/metrics'))?.text ?? '', { timeout: 30_000 });
  await metrics().toMatch(/^tandem_responses_total\{workload="recommend",status="complete",reason="none"\} 1$/m);
  await metrics().toMatch(/^tandem_dead_letters_total\{stage="classifier",code="invalid_json"\} 1$/m);
  await metrics().toMatch(/^tandem_batch_size_count\{model="recommend-small",precision="\w+"\} 1$/m);
  expect(await demo.stop()).toBe(0);
});
