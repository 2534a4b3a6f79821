import { fixedTopics, type Heartbeat, type Outcome, type Variant } from '@tandem/schemas';
import { createOnnxEngine, type Golden } from '@tandem/shared/engine';
import { createEmbeddedLog } from '@tandem/shared/log';
import { expect, onTestFinished, test } from 'vitest';
import { createWorkerStage, type WorkerStageOptions } from './index.ts';
import { FIXTURES, lookup, record, work, workerOptions } from './testing.ts';

const LOAD = 24;

/** A worker under a steady load, and a topic `models` that tests write. */
async function loaded(over: Partial<WorkerStageOptions> = {}) {
  const log = createEmbeddedLog();
  await log.admin.ensureTopics(fixedTopics({ prefix: 't.', partitions: 1 }));
  const producer = await log.producer();
  const stage = await createWorkerStage({ ...workerOptions(createOnnxEngine({ modelsDirectory: FIXTURES, threads: 2 })), log, heartbeatIntervalMs: 20, ...over });
  const beats: Heartbeat[] = [];
  await stage.start?.({ publish: async (outputs) => void beats.push(...outputs.flatMap(({ value }) => (value === null ? [] : [JSON.parse(value as string) as Heartbeat]))) });
  const outcomes: Outcome[] = [];
  let stopped = false;
  let asked = 0;
  const client = async () => {
    while (!stopped) {
      const [output] = await stage.handle(record(work((asked += 1) % 8, { requestId: `r${asked}` })), { publish: async () => undefined });
      outcomes.push(JSON.parse(output!.value as string) as Outcome);
    }
  };
  const clients = Array.from({ length: LOAD }, client);
  onTestFinished(async () => {
    stopped = true;
    await Promise.all(clients);
    await stage.drain?.();
    await stage.stop?.();
    await log.close();
  });
  const release = (variant: Variant | null) => producer.send([{ topic: 't.models', key: 'lookup.fp32', value: variant === null ? null : JSON.stringify(variant) }]);
  const until = (condition: () => boolean) => expect.poll(condition, { timeout: 30_000, interval: 5 }).toBe(true);
  return { outcomes, release, until, latest: () => beats.at(-1)?.variants[0], versionsFrom: (from: number) => new Set(outcomes.slice(from).map((outcome) => (outcome.kind === 'completed' ? outcome.run.version : outcome.kind))) };
}

test('a new version takes over between batches: every request before, during and after is answered', async () => {
  const { outcomes, release, until, latest, versionsFrom } = await loaded();
  await until(() => outcomes.length > 100);
  await release({ ...lookup, version: '4' });
  await until(() => latest()?.version === '4');
  const switched = outcomes.length;
  await until(() => outcomes.length > switched + 200);
  expect([...versionsFrom(0)].toSorted()).toEqual(['3', '4']);
  expect(versionsFrom(switched + LOAD)).toEqual(new Set(['4']));
  const firstNew = outcomes.findIndex((outcome) => outcome.kind === 'completed' && outcome.run.version === '4');
  expect(versionsFrom(firstNew + 2 * LOAD)).toEqual(new Set(['4']));
}, 60_000);

test('taking the release back brings the registry’s version back', async () => {
  const { release, until, latest, outcomes, versionsFrom } = await loaded();
  await release({ ...lookup, version: '4' });
  await until(() => latest()?.version === '4');
  await release(null);
  await until(() => latest()?.version === '3');
  expect([...versionsFrom(0)].every((version) => version === '3' || version === '4')).toBe(true);
  expect(outcomes.length).toBeGreaterThan(0);
}, 60_000);

const graph = lookup.graphs['lookup']!;
const golden: Golden = { tolerance: 1e-4, cases: [{ model: 'lookup', precision: 'fp32', version: '6', graph: 'lookup', inputs: { ids: { type: 'int32', shape: [2], data: [1, 2] } }, outputs: { score: { type: 'float32', shape: [2], data: [10, 21] } } }] };

test.each<[string, unknown, string]>([
  ['whose file is another', { ...lookup, version: '5', graphs: { lookup: { ...graph, sha256: '0'.repeat(64) } } }, 'sha256'],
  ['whose file is not there', { ...lookup, version: '5', graphs: { lookup: { ...graph, file: 'gone.onnx' } } }, 'gone.onnx'],
  // No memory has room for what it is warmed up with.
  ['whose warm-up fails', { ...lookup, version: '5', limits: { batch: 2 ** 45 } }, 'its warm-up failed'],
  ['that answers its golden inputs differently', { ...lookup, version: '6' }, 'value 1 is 20, was 21'],
  ['with other tensors', { ...lookup, version: '5', graphs: { lookup: { ...graph, inputs: { other: graph.inputs['ids']! } } } }, 'its graphs or their tensors differ'],
  ['that is no release at all', { version: '5' }, 'expected string'],
])('a version %s is not taken: the old one goes on, and heartbeats say why', async (_, wanted, words) => {
  const { release, until, latest, outcomes, versionsFrom } = await loaded({ golden: async () => golden });
  await release(wanted as Variant);
  await until(() => latest()?.refused !== undefined);
  expect(latest()).toMatchObject({ version: '3', refused: { reason: expect.stringContaining(words) } });
  const refused = outcomes.length;
  await until(() => outcomes.length > refused + 50);
  expect(versionsFrom(0)).toEqual(new Set(['3']));
  await release({ ...lookup, version: '7' });
  await until(() => latest()?.version === '7');
  expect(latest()).not.toHaveProperty('refused');
}, 60_000);
