import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { describe, expect, inject, onTestFinished, test } from 'vitest';
import type { Response } from '@tandem/schemas';
import { loadSettings } from '@tandem/shared/config';
import { openPorts } from '../../services/cli/compose/ports.ts';
import { ensureTopology } from '../../services/cli/compose/topology.ts';
import { startCommand, type CommandProcess } from '../support/cluster.ts';
import { NO_FAKETIME, canSkewClocks, clockAhead } from '../support/skewed-clock.ts';
import { Client, type Draft } from '../support/system.ts';
import { until } from '../support/until.ts';

/** No machine is so slow, and no clock of the flow so wrong. */
const HOURS_MS = 3_600_000;
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

interface Fleet {
  client: Client;
  gateway: string;
  /** Ends it with SIGKILL, and starts it again under its name on a machine with that clock. */
  replace(name: string, aheadMs: number): Promise<void>;
}

/** Each a process of its own, by how far ahead its clock is. */
async function startFleet(mode: string, ahead: Record<string, number>): Promise<Fleet> {
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

describe.skipIf(!canSkewClocks)(`stages on machines with different clocks${NO_FAKETIME}`, () => {
  test('a process is told another time, and counts durations as ever', () => {
    const before = Date.now();
    const code = 'const t = performance.now(); setTimeout(() => console.log(Date.now(), performance.now() - t), 50)';
    const [wall, tookMs] = execFileSync(process.execPath, ['-e', code], { env: { ...process.env, ...clockAhead(-HOURS_MS) }, encoding: 'utf8' }).split(' ').map(Number);
    expect(wall).toBeGreaterThanOrEqual(before - HOURS_MS);
    expect(wall).toBeLessThanOrEqual(Date.now() - HOURS_MS);
    expect(tookMs).toBeLessThan(HOURS_MS / 2);
  });

  // The second so far apart that no slowness of a machine looks like it.
  test.each([
    ['at-least-once', 5_000, 4_500], ['exactly-once', -HOURS_MS, 300_000],
  ])('%s, clocks %i ms ahead and behind in turn: all is answered in time, also when processes die and come back with other clocks', { timeout: 480_000 }, async (mode, skewMs, deadlineMs) => {
    const ahead = { fusion: skewMs, scheduler: -skewMs, worker: -skewMs, classifier: skewMs, gateway: -skewMs };
    const { client, gateway, replace } = await startFleet(mode, ahead);
    await client.ask(drafts(30, HOURS_MS), PATIENCE_MS);

    const askedAt = Date.now();
    const answered = await client.ask(drafts(30, deadlineMs), PATIENCE_MS);
    expect(mistimed(answered, askedAt)).toEqual([]);
    expect(gaveUpEarly(answered, deadlineMs)).toEqual([]);
    // Nothing but its deadline's timer answers it; on a clock that is behind, it would come as much later.
    const [late] = await client.ask([draft(1)], PATIENCE_MS);
    expect(['degraded', 'failed', 'rejected']).toContain(late?.status);

    const body = JSON.stringify({ requestId: randomUUID(), ...draft(HOURS_MS) });
    const called = await fetch(`${gateway}/v1/requests`, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
    expect({ status: called.status, answer: (await called.json() as Response).status }).toEqual({ status: 200, answer: 'complete' });

    const inFlight = client.ask(drafts(200, HOURS_MS), PATIENCE_MS);
    await replace('worker', skewMs);
    await replace('fusion', -skewMs);
    expect((await inFlight).filter(({ status }) => status !== 'complete')).toEqual([]);
    const againAt = Date.now();
    const again = await client.ask(drafts(30, deadlineMs), PATIENCE_MS);
    expect(mistimed(again, againAt)).toEqual([]);
    expect(gaveUpEarly(again, deadlineMs)).toEqual([]);

    expect([...client.responses].filter(([, all]) => mode === 'exactly-once' && all.length > 1)).toEqual([]);
    expect(client.deadLetters.map(({ value }) => String(value))).toEqual([]);
  });
});
