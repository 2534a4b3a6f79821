import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { fixedTopics, variantTopics } from '@tandem/schemas';
import { systemClock } from '@tandem/shared/clock';
import { createKafkaLog } from '@tandem/shared/log';
import { silentLogger } from '@tandem/shared/telemetry';
import { beforeAll, expect, inject, test } from 'vitest';
import { examine, installation } from '../../services/cli/doctor/testing.ts';

const TANDEM = join(import.meta.dirname, '../../services/cli/tandem.ts');
const run = promisify(execFile);
const prefix = `doctor-${randomUUID().slice(0, 8)}.`;
const KAFKA_CHECKS = ['kafka', 'topics', 'access', 'clock'];
let flags: Record<string, string>;

/** All topics well, but for one with too few partitions and one that keeps its records too short. */
beforeAll(async () => {
  const { models, workloads } = await installation();
  flags = { kafka: inject('kafka'), redis: inject('redis'), prefix, models, workloads };
  await using log = createKafkaLog({ brokers: inject('kafka').split(','), clientId: 'test', logger: silentLogger });
  const topology = { prefix, partitions: 4 };
  const specs = [...fixedTopics(topology), ...variantTopics(topology, [{ model: 'digits-small', precision: 'fp32' }])];
  const broken = specs.map((spec) => (spec.name === `${prefix}tasks` ? { ...spec, partitions: 2 } : spec.name === `${prefix}responses` ? { ...spec, retentionMs: 60_000 } : spec));
  await log.admin.ensureTopics(broken);
});

test('the doctor names a topic with too few partitions and one with another retention, and how to mend them', async () => {
  const found = await examine(flags, KAFKA_CHECKS, { flags: ` --kafka ${flags['kafka']!} --prefix ${prefix}` });
  expect(found.map(({ check, code }) => [check, code])).toEqual([['kafka', 'ok'], ['topics', 'topic_partitions'], ['topics', 'topic_setting'], ['access', 'ok'], ['clock', 'ok']]);
  expect(found[0]!.message).toMatch(/^Kafka \d+\.\d+, \d+ broker/);
  expect(found[1]).toMatchObject({ status: 'failed', message: `${prefix}tasks has 2 partitions, not 4`, mend: `stop the stages, then: npx tandem topics grow --kafka ${flags['kafka']!} --prefix ${prefix} --partitions 4` });
  expect(found[2]).toMatchObject({ status: 'warning', message: `${prefix}responses: retention.ms is 60000, should be 172800000`, mend: expect.stringContaining(`--entity-name ${prefix}responses --add-config retention.ms=172800000`) });
});

test('the doctor names a machine whose clock is not the broker’s', async () => {
  const late = { now: () => systemClock.now() - 90_000, schedule: systemClock.schedule.bind(systemClock) };
  const found = await examine(flags, ['kafka', 'clock'], { machineClock: late });
  const clock = found.find(({ check }) => check === 'clock');
  expect(clock).toMatchObject({ status: 'failed', code: 'clock_skew', mend: expect.stringContaining('set-ntp') });
  expect(clock?.message).toMatch(/broker's clock is (89|90)\d{3} ms ahead of this machine's/);
});

test('the doctor of a system without topics says which command makes them; the command line exits with 1', async () => {
  const args = Object.entries({ ...flags, prefix: `${prefix}none.` }).flatMap(([name, value]) => [`--${name}`, value]);
  const { stdout, code } = await run(process.execPath, [TANDEM, 'doctor', '--json', ...args]).then(
    (done) => ({ ...done, code: 0 }), (error: unknown) => error as { stdout: string; code: number });
  const report = JSON.parse(stdout) as { ok: boolean; findings: { check: string; code: string; mend?: string }[] };
  expect(code).toBe(1);
  expect(report.ok).toBe(false);
  expect(report.findings.filter(({ code: each }) => each !== 'ok').map(({ check, code: each }) => [check, each])).toEqual([['topics', 'topic_missing'], ['clock', 'skipped']]);
  expect(report.findings.find(({ check }) => check === 'topics')?.mend).toMatch(/^npx tandem topics ensure --kafka /);
});
