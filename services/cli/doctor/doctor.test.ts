import { createServer, type AddressInfo, type Socket } from 'node:net';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import picocolors from 'picocolors';
import { TandemError } from '@tandem/shared/errors';
import { afterEach, expect, it } from 'vitest';
import { missingGrants } from './checks/access.ts';
import { failed, ok } from './finding.ts';
import { reportText, runChecks, type Patient } from './index.ts';
import { examine, installation } from './testing.ts';

const NOBODY = 'localhost:9';
const cleanUps: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0)) await cleanUp();
});

async function folders() {
  const { models, workloads, remove } = await installation();
  cleanUps.push(remove);
  return { models, workloads };
}

/** Takes connections and never says a word. */
async function mute(): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => sockets.add(socket)).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  cleanUps.push(() => new Promise((resolve) => {
    server.close(resolve);
    for (const socket of sockets) socket.destroy();
  }));
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

it('finds nothing wrong with what is well', async () => {
  const found = await examine(await folders(), ['node', 'runtime', 'workloads', 'models', 'kafka', 'topics', 'clock', 'redis']);
  expect(found.map(({ check, status }) => `${check} ${status}`)).toEqual(['node ok', 'runtime ok', 'workloads ok', 'models ok', 'kafka skipped', 'redis skipped']);
  expect(found.find(({ check }) => check === 'models')?.message).toContain('answers its golden inputs');
});

it('names a model whose file is not the registered one, and the commands that mend it', async () => {
  const { models, workloads } = await folders();
  const file = join(models, 'digits-small/classify.fp32.onnx');
  await writeFile(file, Buffer.concat([await readFile(file), Buffer.from([0])]));
  const [finding] = await examine({ models, workloads }, ['models']);
  expect(finding).toMatchObject({ status: 'failed', code: 'model_hash_mismatch', message: expect.stringContaining('digits-small.fp32') });
  expect(finding?.mend).toMatch(/git checkout -- .*sed -i s\/[0-9a-f]{64}\/[0-9a-f]{64}\/ .*registry\.json/);
});

it('names a model that answers differently from when it was released', async () => {
  const { models, workloads } = await folders();
  const file = join(models, 'golden.json');
  const golden = JSON.parse(await readFile(file, 'utf8')) as { cases: { model: string; outputs: Record<string, { data: number[] }> }[] };
  golden.cases.find(({ model }) => model === 'digits-small')!.outputs['probabilities']!.data[3]! += 0.01;
  await writeFile(file, JSON.stringify(golden));
  expect(await examine({ models, workloads }, ['models'])).toMatchObject([{ status: 'failed', code: 'golden_differs', message: expect.stringContaining('output probabilities differs: value 3') }]);
});

it('names a file that no runtime loads, and one that is gone', async () => {
  const { models, workloads } = await folders();
  const registry = join(models, 'registry.json');
  await writeFile(registry, (await readFile(registry, 'utf8')).replace('classify.fp32.onnx', 'gone.onnx'));
  expect(await examine({ models, workloads }, ['models'])).toMatchObject([{ code: 'model_missing', message: expect.stringContaining('gone.onnx') }]);
});

it('names every problem of broken workload files, file by file', async () => {
  const { models, workloads } = await folders();
  await writeFile(join(workloads, 'broken.json'), '{ "name": ');
  await writeFile(join(workloads, 'other.json'), JSON.stringify({ name: 'other', description: 'x', adapter: 'classify', plans: { coarse: { strategy: 'cascade', steps: [{ id: 'look', role: 'coarse', model: 'nobody' }] } } }));
  const found = await examine({ models, workloads }, ['workloads']);
  expect(found.map(({ code }) => code)).toEqual(['workload_invalid', 'workload_invalid']);
  expect(found[0]!.message).toMatch(/broken\.json: is not JSON/);
  expect(found[1]!.message).toMatch(/other\.json: plans\.coarse\.steps\.0\.model: the registry has no stable nobody; it has digits-small/);
});

it('names a folder of workloads that is not there, and says what to point at', async () => {
  const { models, workloads } = await folders();
  expect(await examine({ models, workloads: join(workloads, 'none') }, ['workloads'])).toMatchObject([{ status: 'failed', code: 'workload_invalid', mend: expect.stringContaining('--workloads') }]);
});

it('names an adapter module that cannot be imported', async () => {
  const { models, workloads } = await folders();
  const file = join(workloads, 'digits.json');
  await writeFile(file, (await readFile(file, 'utf8')).replace('"classify"', '"own.mjs"'));
  expect(await examine({ models, workloads }, ['workloads'])).toMatchObject([{ status: 'failed', code: 'adapter_invalid' }]);
});

it('names a Kafka that is not there, and looks no further', async () => {
  const found = await examine({ kafka: NOBODY }, ['kafka', 'topics', 'access', 'clock']);
  expect(found.map(({ check, status, code }) => [check, status, code])).toEqual([
    ['kafka', 'failed', 'kafka_unreachable'], ['topics', 'skipped', 'skipped'], ['access', 'skipped', 'skipped'], ['clock', 'skipped', 'skipped'],
  ]);
  expect(found[0]!.message).toContain('ECONNREFUSED');
});

it('names a Redis that is not there, and an execution provider that is not', async () => {
  const found = await examine({ redis: `redis://${NOBODY}`, providers: 'imaginary' }, ['redis', 'runtime']);
  expect(found.filter(({ status }) => status === 'failed').map(({ check, code }) => [check, code])).toEqual([['runtime', 'provider_unknown'], ['redis', 'cache_unreachable']]);
});

it('does not wait for servers that take a connection and say nothing', async () => {
  const address = await mute();
  const found = await examine({ kafka: address, redis: `redis://${address}` }, ['kafka', 'redis'], { patienceMs: 300 });
  expect(found.map(({ check, status }) => [check, status])).toEqual([['kafka', 'failed'], ['redis', 'failed']]);
}, 60_000);

it('gives up a check that never ends, and goes on', async () => {
  const checks = [
    { name: 'endless', limitMs: 20, run: () => new Promise<never>(() => undefined) },
    { name: 'throws', mend: 'mend it so', run: () => Promise.reject(new TandemError('no good', { code: 'bad' })) },
    { name: 'fine', run: () => Promise.resolve([ok('well')]) },
  ];
  const found = await runChecks(checks, {} as Patient);
  expect(found.map(({ check, code }) => [check, code])).toEqual([['endless', 'timed_out'], ['throws', 'bad'], ['fine', 'ok']]);
  expect(found[1]!.mend).toBe('mend it so');
});

it('reports each finding on a line, and how to mend it under it', () => {
  const found = [{ check: 'node', ...ok('24') }, { check: 'redis', ...failed('cache_unreachable', 'away', 'start it') }];
  expect(reportText(found, picocolors.createColors(false)).split('\n').map((line) => line.trimEnd())).toEqual(['ok    node       24', 'FAIL  redis      away', '                 mend: start it', '', '1 failure']);
});

it('compares access lists as a broker reads them: by wildcard, beginning and operation', () => {
  const grant = { principal: 'User:a', resource: 'topic', name: 't.work.', pattern: 'prefixed', operations: ['read', 'write'] } as const;
  const given = (over: object) => [{ ...grant, operations: ['read'], ...over }] as const as Parameters<typeof missingGrants>[1];
  expect(missingGrants([grant], given({}))).toEqual([{ ...grant, operations: ['write'] }]);
  expect(missingGrants([grant], given({ name: 't.', operations: ['all'] }))).toEqual([]);
  expect(missingGrants([grant], given({ name: '*', pattern: 'literal', operations: ['all'] }))).toEqual([]);
  expect(missingGrants([grant], given({ name: 't.work.', pattern: 'literal', operations: ['all'] }))).toEqual([grant]);
  expect(missingGrants([grant], given({ principal: 'User:b', operations: ['all'] }))).toEqual([grant]);
});
