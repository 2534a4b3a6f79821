import { randomUUID } from 'node:crypto';
import { expect, inject } from 'vitest';
import type { StageName } from '@tandem/schemas';
import { loadSettings } from '@tandem/shared/config';
import { openPorts } from '../../services/cli/compose/ports.ts';
import { ensureTopology } from '../../services/cli/compose/topology.ts';
import { startCommand, type CommandProcess } from '../support/cluster.ts';
import { startOtlpReceiver, type ReceivedSpan } from '../support/otlp-receiver.ts';
import { freePorts } from '../support/processes.ts';
import { Client } from '../support/system.ts';
import { until } from '../support/until.ts';

const REQUESTS = 1_000;
/** Of processes that start and answer on a machine with other work. */
const PATIENCE_MS = 150_000;
/** No machine is so slow: of what is late, steps are left out, and their spans with them. */
const DEADLINE_MS = 3_600_000;
const STAGES: readonly StageName[] = ['classifier', 'scheduler', 'worker', 'fusion'];

/** Spans whose parent was never exported. */
function orphans(spans: readonly ReceivedSpan[]): ReceivedSpan[] {
  const known = new Set(spans.map(({ traceId, spanId }) => `${traceId} ${spanId}`));
  return spans.filter(({ traceId, parentSpanId }) => parentSpanId !== undefined && !known.has(`${traceId} ${parentSpanId}`));
}

function brokenLinks(spans: readonly ReceivedSpan[]): number {
  const known = new Set(spans.map(({ traceId, spanId }) => `${traceId} ${spanId}`));
  return spans.flatMap(({ links = [] }) => links).filter(({ traceId, spanId }) => !known.has(`${traceId} ${spanId}`)).length;
}

function stageOf({ attributes = [] }: ReceivedSpan): string {
  return attributes.find(({ key }) => key === 'tandem.stage')?.value.stringValue ?? '';
}

/** A process for each of them, one of which can be killed and started again. */
function startAll(units: readonly string[], flags: readonly string[], ports: readonly number[], environment: Record<string, string>) {
  const start = (unit: string) => startCommand(['stage', unit, ...flags, '--http-port', String(ports[units.indexOf(unit)])], environment);
  const running = new Map<string, CommandProcess>(units.map((unit) => [unit, start(unit)]));
  return {
    all: () => [...running.values()],
    async replace(unit: string, signal: 'SIGKILL' | 'SIGTERM') {
      const before = running.get(unit);
      if (before === undefined) throw new Error(`no process runs ${unit}`);
      process.kill(before.pid, signal);
      await before.stop();
      running.set(unit, start(unit));
    },
    [Symbol.asyncDispose]: async () => void (await Promise.all([...running.values()].map((each) => each.stop()))),
  };
}

/**
 * A thousand requests are a thousand whole traces, though processes are killed and restarted meanwhile.
 * @param units a process for each: stages, joined by + where they are chained
 */
export async function expectWholeTraces(protocol: 'http/protobuf' | 'http/json', units: readonly string[]): Promise<void> {
  const prefix = `test-${randomUUID().slice(0, 8)}.`;
  const [kafka, redis] = [inject('kafka'), inject('redis')];
  await using receiver = await startOtlpReceiver();
  await using ports = await openPorts(loadSettings({ flags: { kafka, redis, prefix, logLevel: 'error' } }), 'test');
  await ensureTopology(loadSettings({ flags: { kafka, prefix } }), ports);
  const client = await Client.connect(ports, prefix);
  const httpPorts = await freePorts(units.length);
  const flags = ['--kafka', kafka, '--redis', redis, '--prefix', prefix, '--otlp-endpoint', receiver.url, '--threads', '1', '--log-level', 'warn', '--session-timeout-ms', '3000'];
  await using processes = startAll(units, flags, httpPorts, { OTEL_EXPORTER_OTLP_PROTOCOL: protocol });
  const ready = async (port: number | undefined) => (await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => undefined))?.status === 200;
  await until(async () => (await Promise.all(httpPorts.map(ready))).every(Boolean), { timeoutMs: PATIENCE_MS, what: () => `readiness: ${processes.all().map((each) => each.log()).join('')}` });

  const send = (count: number) => client.write('requests', Array.from({ length: count }, () =>
    JSON.stringify({ requestId: randomUUID(), workload: 'recommend', userId: `u${Math.floor(Math.random() * 50)}`, input: { history: ['1', '2'] }, hints: { task: 'full', deadlineMs: DEADLINE_MS } })));
  await send(REQUESTS / 2);
  await until(() => client.answered > REQUESTS / 8, { timeoutMs: PATIENCE_MS, what: () => `some answers, got ${client.answered}` });
  await processes.replace(units[0] ?? '', 'SIGKILL');
  await processes.replace(units.at(-1) ?? '', 'SIGTERM');
  await send(REQUESTS / 2);
  await until(() => client.answered === REQUESTS, { timeoutMs: PATIENCE_MS, what: () => `answers, got ${client.answered}; ${processes.all().map((each) => each.log()).join('')}` });
  await Promise.all(processes.all().map((each) => each.stop()));

  expect([...receiver.encodings]).toEqual([protocol === 'http/json' ? 'application/json' : 'application/x-protobuf']);
  expect(orphans(receiver.spans).map(({ service, name }) => `${service}: ${name}`)).toEqual([]);
  expect(brokenLinks(receiver.spans)).toBe(0);
  const traces = Map.groupBy(receiver.spans, ({ traceId }) => traceId);
  expect(traces.size).toBe(REQUESTS);
  for (const spans of traces.values()) {
    expect(new Set(spans.filter(({ parentSpanId }) => parentSpanId === undefined).map(({ spanId }) => spanId)).size).toBe(1);
    expect(new Set(spans.map(stageOf))).toEqual(new Set(['', ...STAGES]));
    expect(spans.some(({ name }) => name.startsWith('model '))).toBe(true);
  }
  const names = (start: string) => receiver.spans.filter(({ name }) => name.startsWith(start));
  expect(names('redis ').length).toBeGreaterThanOrEqual(REQUESTS);
  const linked = new Set(names('batch ').flatMap(({ links = [] }) => links.map(({ spanId }) => spanId)));
  const workerSpans = receiver.spans.filter((span) => stageOf(span) === 'worker');
  expect(linked.size).toBeGreaterThanOrEqual(2 * REQUESTS);
  expect([...linked].filter((spanId) => !workerSpans.some((span) => span.spanId === spanId))).toEqual([]);
}
