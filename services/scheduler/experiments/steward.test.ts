import { experimentSchema, type ExperimentControl } from '@tandem/schemas';
import { ManualClock } from '@tandem/shared/clock';
import { ExperimentBook, ExperimentTallies, reportKey, started } from '@tandem/shared/core';
import type { StageOutput } from '@tandem/shared/runner';
import { silentLogger } from '@tandem/shared/telemetry';
import { expect, test } from 'vitest';
import { ExperimentSteward } from './steward.ts';

function control(): ExperimentControl {
  const arms = [{ name: 'usual', precision: 'fp32', weight: 1 }, { name: 'new', precision: 'int8', weight: 1 }];
  return started(experimentSchema.parse({ name: 'split', workload: 'w', model: 'large', arms, guards: { minimumAnswers: 20 } }), {}, { by: 'me', time: 1, why: 'started' });
}

function setUp({ fails = 0, begins = true } = {}) {
  const [clock, experiments, tallies, published] = [new ManualClock(1_000), new ExperimentBook(), new ExperimentTallies(), [] as StageOutput[]];
  let failures = fails;
  experiments.update([control()]);
  const steward = new ExperimentSteward({
    prefix: 't.', experiments, clock, logger: silentLogger,
    publish: async (outputs) => {
      if ((failures -= 1) >= 0) throw new Error('the log is away');
      published.push(...outputs);
    },
  });
  if (begins) steward.begin();
  const answer = (arm: string, count: number, isBad: boolean) => {
    for (let index = 0; index < count; index += 1) tallies.of(control()).answered(arm, { latencyMs: 5, isBad, hasYielded: false });
    for (const report of tallies.reports('f/1', 0)) steward.heard({ key: reportKey(report), value: Buffer.from(JSON.stringify(report)) });
  };
  /** Of users of their own each. */
  const judged = (arm: string, count: number, hits: number) => {
    for (let user = 0; user < count; user += 1) tallies.of(control()).judged(arm, `u${user}`, user < hits);
    for (const report of tallies.reports('f/1', 0)) steward.heard({ key: reportKey(report), value: Buffer.from(JSON.stringify(report)) });
  };
  /** A worker is heard of. */
  const look = async () => {
    clock.advance(1_000);
    steward.heard({ key: 'worker-1', value: Buffer.from('{"kind":"worker"}') });
    await Promise.resolve();
  };
  return { clock, steward, experiments, published, answer, judged, look, written: () => published.map(({ topic }) => topic) };
}

test('whoever is in charge rolls a bad arm back, once, and says so in the audit; nobody else does', async () => {
  const { steward, published, answer, look, written } = setUp();
  await look();
  answer('usual', 200, false);
  answer('new', 200, true);
  await look();
  expect(published).toEqual([]);
  steward.inCharge = true;
  await look();
  await look();
  expect(written()).toEqual(['t.control', 't.audit']);
  expect(JSON.parse(published[0]!.value as string)).toMatchObject({ state: 'rolled_back', revision: 2, by: 'scheduler', out: { new: expect.stringMatching(/guard rail/) } });
  expect(JSON.parse(published[1]!.value as string)).toMatchObject({ actor: 'scheduler', action: 'experiment.rollback', target: 'split' });
});

test('an arm whose answers users take more often is promoted without anybody asking, once, and the audit says so', async () => {
  const { steward, published, judged, look, written } = setUp();
  steward.inCharge = true;
  await look();
  judged('usual', 150, 45);
  judged('new', 150, 105);
  await look();
  // Too few users yet.
  expect(written()).toEqual([]);
  judged('usual', 600, 180);
  judged('new', 600, 420);
  await look();
  await look();
  expect(written()).toEqual(['t.control', 't.audit']);
  expect(JSON.parse(published[0]!.value as string)).toMatchObject({ state: 'promoted', winner: 'new', revision: 2, by: 'scheduler' });
  expect(JSON.parse(published[1]!.value as string)).toMatchObject({ actor: 'scheduler', action: 'experiment.promote', target: 'split' });
});

test('what could not be written is written again', async () => {
  const { steward, answer, look, written } = setUp({ fails: 1 });
  steward.inCharge = true;
  await look();
  answer('usual', 200, false);
  answer('new', 200, true);
  await look();
  expect(written()).toEqual([]);
  await look();
  await look();
  expect(written()).toEqual(['t.control', 't.audit']);
});

test('one that takes over holds arms to what it has seen itself, not to what was before', async () => {
  const { steward, answer, look, written } = setUp({ begins: false });
  steward.inCharge = true;
  await look();
  answer('new', 200, true);
  await look();
  answer('usual', 200, false);
  steward.begin();
  await look();
  answer('usual', 200, false);
  answer('new', 200, false);
  await look();
  expect(written()).toEqual([]);
  answer('new', 200, true);
  await look();
  expect(written()).toEqual(['t.control', 't.audit']);
});

test('an experiment that has ended is left alone', async () => {
  const { steward, experiments, answer, look, written } = setUp();
  steward.inCharge = true;
  await look();
  experiments.update([{ ...control(), state: 'stopped' }]);
  answer('usual', 200, false);
  answer('new', 200, true);
  await look();
  expect(written()).toEqual([]);
});

test('whoever is in charge writes again what a late record lies over, once; also that it is removed', async () => {
  const { steward, experiments, published, look } = setUp();
  const overwritten = [{ key: 'experiment/split', control: control() }, { key: 'experiment/gone', control: undefined }];
  experiments.update([control()], overwritten);
  await look();
  expect(published).toEqual([]);
  steward.inCharge = true;
  await look();
  await look();
  expect(published).toEqual([{ topic: 't.control', key: 'experiment/split', value: JSON.stringify(control()) }, { topic: 't.control', key: 'experiment/gone', value: null }]);
});

test('one that was suspended first hears what was decided meanwhile', async () => {
  const { steward, experiments, clock, answer, look, written } = setUp();
  steward.inCharge = true;
  await look();
  answer('usual', 200, false);
  clock.advance(20_000);
  answer('new', 200, true);
  await look();
  expect(written()).toEqual([]);
  experiments.update([{ ...control(), state: 'stopped', revision: 2 }]);
  for (let seconds = 0; seconds < 10; seconds += 1) await look();
  expect(written()).toEqual([]);
});

test('one that was suspended acts again when nothing was decided meanwhile', async () => {
  const { steward, clock, answer, look, written } = setUp();
  steward.inCharge = true;
  await look();
  clock.advance(20_000);
  await look();
  answer('usual', 200, false);
  answer('new', 200, true);
  await look();
  expect(written()).toEqual([]);
  for (let seconds = 0; seconds < 5; seconds += 1) await look();
  expect(written()).toEqual(['t.control', 't.audit']);
});
