import { randomUUID } from 'node:crypto';
import { expect, inject, test } from 'vitest';
import { systemClock } from '@tandem/shared/clock';
import { startCommand, type CommandProcess } from '../support/cluster.ts';
import { startTandem, type Draft, type RunningTandem } from '../support/system.ts';
import { until } from '../support/until.ts';

const SESSION_MS = 4_000;
const REQUESTS = 400;
const PATIENT = { timeoutMs: 80_000, everyMs: 100 };

/** Without a scheduler nothing but its deadline answers a request. */
const draft = (deadlineMs: number): Draft => ({ workload: 'recommend', userId: randomUUID(), input: { history: ['1', '2', '3'] }, hints: { task: 'coarse', deadlineMs } });
const drafts = (count: number, deadlineMs: number): Draft[] => Array.from({ length: count }, () => draft(deadlineMs));

function startFusion({ settings: { prefix } }: RunningTandem): CommandProcess {
  return startCommand(['stage', 'fusion', '--kafka', inject('kafka'), '--prefix', prefix, '--session-timeout-ms', String(SESSION_MS), '--http-port', '0', '--log-level', 'info']);
}

/** Of its metrics; 0 while it starts. */
async function inFlight(fusion: CommandProcess): Promise<number> {
  const port = /"statusPort":(\d+)/.exec(fusion.log())?.[1];
  if (port === undefined) return 0;
  const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  return Number(/^tandem_in_flight_records\{[^}]*stage="fusion"[^}]*\} (\d+)/m.exec(metrics)?.[1] ?? 0);
}

test('at least once: a fusion process that was suspended for longer than its session, and wakes with its hands full, answers nothing that another has answered', { timeout: 240_000 }, async () => {
  await using tandem = await startTandem({ kafka: inject('kafka'), redis: inject('redis') }, systemClock, ['classifier']);
  const { client } = tandem;
  await using sleeper = startFusion(tandem);
  await using other = startFusion(tandem);
  const members = async () => (await client.ports.log.admin.groups(`${client.prefix}fusion`))[0]?.members;
  await until(async () => (await members()) === 2, { ...PATIENT, what: 'both fusion processes' });
  await client.ask(drafts(20, 1_000), 60_000);

  const asked = client.ask(drafts(REQUESTS, 10_000), 120_000);
  await until(async () => (await inFlight(sleeper)) > REQUESTS / 5, { ...PATIENT, what: () => `much to wait in one of them: ${sleeper.log()}` });
  const held = await inFlight(sleeper);
  process.kill(sleeper.pid, 'SIGSTOP');
  try {
    await asked;
  } finally {
    process.kill(sleeper.pid, 'SIGCONT');
  }
  await until(async () => (await members()) === 2 && (await inFlight(sleeper)) < held, { ...PATIENT, what: 'the sleeper to come back' });
  await client.ask(drafts(100, 1_000), 60_000);

  expect([...client.responses].filter(([, all]) => all.length > 1).map(([id]) => id)).toEqual([]);
  expect(client.answered).toBe(20 + REQUESTS + 100);
  expect([await sleeper.stop(), await other.stop()]).toEqual([0, 0]);
});
