import { randomUUID } from 'node:crypto';
import { expect, inject, onTestFinished } from 'vitest';
import type { Response } from '@tandem/schemas';
import { loadSettings } from '@tandem/shared/config';
import { openPorts } from '../../services/cli/compose/ports.ts';
import { ensureTopology } from '../../services/cli/compose/topology.ts';
import { startCommand, type CommandProcess } from '../support/cluster.ts';
import { clockAhead } from '../support/skewed-clock.ts';
import { Client, type Draft } from '../support/system.ts';
import { until } from '../support/until.ts';

/** No machine is so slow. */
export const HOURS_MS = 3_600_000;
const PATIENCE_MS = 180_000;

const draft = (deadlineMs: number, index = 0): Draft =>
  ({ workload: 'recommend', userId: `user-${index % 20}`, input: { history: ['1', '260', '1196'] }, hints: { task: (['coarse', 'fine', 'full'] as const)[index % 3]!, deadlineMs } });
const drafts = (count: number, deadlineMs: number): Draft[] => Array.from({ length: count }, (_, index) => draft(deadlineMs, index));

/** What an estimate of the broker's time may be wrong by on a machine that is slow. */
const ESTIMATE_MS = 1_000;

/**
 * Answers that were not made between asking and receiving, or whose parts took longer than the whole: told by a clock that is nobody's. The broker's is the
 * test's, which no process of the flow has.
 */
function mistimed(answers: readonly Response[], askedAt: number): readonly Response[] {
  const now = Date.now();
  return answers.filter(({ time, latencyMs, steps }) =>
    time < askedAt - ESTIMATE_MS || time > now + ESTIMATE_MS || steps.some(({ queueMs }) => queueMs > latencyMs + ESTIMATE_MS));
}

/** Given up for their deadline, long before it. */
const gaveUpEarly = (answers: readonly Response[], deadlineMs: number): readonly Response[] =>
  answers.filter(({ reason, latencyMs }) => reason === 'deadline' && latencyMs < deadlineMs - ESTIMATE_MS);

type Mode = 'at-least-once' | 'exactly-once';

interface Fleet {
  client: Client;
  gateway: string;
  /** Ends it with SIGKILL, and starts it again under its name on a machine with that clock. */
  replace(name: string, aheadMs: number): Promise<void>;
}

/** Each a process of its own, by how far ahead its clock is. */
async function startFleet(mode: Mode, ahead: Record<string, number>): Promise<Fleet> {
  const prefix = `test-${randomUUID().slice(0, 8)}.`;
  const connection = ['--kafka', inject('kafka'), '--redis', inject('redis'), '--prefix', prefix];
  const settings = loadSettings({ flags: { kafka: inject('kafka'), redis: inject('redis'), prefix, logLevel: 'error' } });
  const ports = await openPorts(settings, 'test');
  onTestFinished(() => ports[Symbol.asyncDispose]());
  await ensureTopology(settings, ports);
  const running = new Map<string, CommandProcess>();
  const start = (name: string, aheadMs: number): void => {
    const [command = ''] = name.split('-');
    const flags = [...connection, '--http-port', '0', '--log-level', 'info', '--instance', `${name}-${prefix}`];
    const args = command === 'gateway' ? ['gateway', ...flags, '--gateway-port', '0'] : ['stage', command, ...flags, '--policy', 'fixed', '--precision', 'fp32', '--threads', '1', '--delivery', mode];
    running.set(name, startCommand(args, clockAhead(aheadMs)));
  };
  onTestFinished(async () => void (await Promise.all([...running.values()].map((process) => process.stop()))));
  for (const [name, aheadMs] of Object.entries(ahead)) start(name, aheadMs);
  const isUp = (name: string) => running.get(name)!.log().includes('"msg":"running"');
  const areUp = (names: readonly string[]) => until(() => names.every(isUp), { timeoutMs: PATIENCE_MS, everyMs: 100, what: () => names.map((name) => running.get(name)!.log()).join('\n') });
  await areUp([...running.keys()]);
  const gateway = /"url":"([^"]+)"/.exec(running.get('gateway')!.log())![1]!;
  return {
    client: await Client.connect(ports, prefix), gateway,
    replace: async (name, aheadMs) => {
      process.kill(running.get(name)!.pid, 'SIGKILL');
      await running.get(name)!.stop();
      start(name, aheadMs);
      await areUp([name]);
    },
  };
}

/** A clock that is behind makes all of them late, a slow machine some. */
async function expectLateAnsweredInTime(client: Client, withinMs: number): Promise<void> {
  const isInTime = async () => {
    const askedAt = Date.now();
    // Nothing but its deadline's timer answers it.
    const [late] = await client.ask([draft(1)], PATIENCE_MS);
    expect(['degraded', 'failed', 'rejected']).toContain(late?.status);
    return Date.now() - askedAt < withinMs;
  };
  await until(isInTime, { timeoutMs: PATIENCE_MS, what: `a belated request to be answered within ${withinMs} ms` });
}

async function expectInTime(client: Client, skewMs: number, deadlineMs: number): Promise<void> {
  const askedAt = Date.now();
  const answered = await client.ask(drafts(30, deadlineMs), PATIENCE_MS);
  expect(mistimed(answered, askedAt)).toEqual([]);
  expect(gaveUpEarly(answered, deadlineMs)).toEqual([]);
  await expectLateAnsweredInTime(client, Math.abs(skewMs) / 2);
}

async function expectGatewayAnswers(gateway: string): Promise<void> {
  const body = JSON.stringify({ requestId: randomUUID(), ...draft(HOURS_MS) });
  const called = await fetch(`${gateway}/v1/requests`, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
  expect({ status: called.status, answer: (await called.json() as Response).status }).toEqual({ status: 200, answer: 'complete' });
}

/**
 * Classifier and fusion so far ahead, the others as far behind, until worker and fusion are killed with their hands full and come back the other way round: all
 * that is asked is answered in time, and once.
 * @param skewMs may be negative
 * @param deadlineMs a clock of the flow would make it pass too early, or too late by as much as shows
 */
export async function expectUnharmed(mode: Mode, skewMs: number, deadlineMs: number): Promise<void> {
  const ahead = { fusion: skewMs, scheduler: -skewMs, worker: -skewMs, classifier: skewMs, gateway: -skewMs };
  const { client, gateway, replace } = await startFleet(mode, ahead);
  await client.ask(drafts(30, HOURS_MS), PATIENCE_MS);
  await expectInTime(client, skewMs, deadlineMs);
  await expectGatewayAnswers(gateway);

  const inFlight = drafts(200, HOURS_MS).map((one) => ({ ...one, requestId: randomUUID() }));
  const answers = client.ask(inFlight, PATIENCE_MS);
  await replace('worker', skewMs);
  await replace('fusion', -skewMs);
  expect((await answers).filter(({ status }) => status !== 'complete')).toEqual([]);
  await expectInTime(client, skewMs, deadlineMs);

  // At least once, a fusion that dies may have answered without anybody's knowing (docs/delivery.md).
  const mayBeDoubled = new Set<string>(mode === 'at-least-once' ? inFlight.map(({ requestId }) => requestId) : []);
  const doubled = [...client.responses].filter(([, all]) => all.filter(({ final }) => final).length > 1).map(([requestId]) => requestId);
  expect(doubled.filter((requestId) => !mayBeDoubled.has(requestId))).toEqual([]);
  expect(client.deadLetters.map(({ value }) => String(value))).toEqual([]);
}
