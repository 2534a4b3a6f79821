import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { randomUUID } from 'node:crypto';
import { expect, inject } from 'vitest';
import { DEAD_LETTER_HEADER, type GraphSpec, type Response } from '@tandem/schemas';
import { loadSettings } from '@tandem/shared/config';
import { openPorts } from '../../../services/cli/compose/ports.ts';
import { ensureTopology } from '../../../services/cli/compose/topology.ts';
import { startCommand } from '../../support/cluster.ts';
import { temporaryFolder } from '../../support/processes.ts';
import { Client, type Draft } from '../../support/system.ts';
import { until } from '../../support/until.ts';

const FIXTURES = join(import.meta.dirname, '../../../shared/engine/fixtures');

/** What an input of −1 does to its process, as an adapter. */
export interface Deadly {
  graph: string;
  /** The body of `encode(_graph, batch, inputs)`. */
  encode: string;
}

/** y = 2x; an x of −1 ends the process as native code can. */
export const ABORTS: Deadly = {
  graph: 'double',
  encode: `
    if (batch.some(({ task }) => task.input === -1)) process.abort();
    batch.forEach(({ task }, row) => (inputs.x.data[row] = task.input));`,
};

/** y = x; an x of −1 multiplies matrices for days. */
export const HANGS: Deadly = {
  graph: 'slow',
  encode: `
    batch.forEach(({ task }, row) => (inputs.x.data[row] = 2 * task.input));
    inputs.rounds.data[0] = batch.some(({ task }) => task.input === -1) ? 2_000_000_000 : 1;`,
};

const adapterOf = ({ graph, encode }: Deadly) => `
export const adapter = {
  name: 'deadly',
  inputSchema: { safeParse: (input) => ({ success: true, data: input }) },
  prepare: (input) => ({ features: input.x, marks: [], hasCandidates: false }),
  shape: () => ({ graph: '${graph}', length: 1 }),
  dimensions: (_graph, batch) => ({ batch: batch.length, length: 1 }),
  encode(_graph, batch, inputs) {${encode}
  },
  decode: (_graph, batch, outputs) => batch.map((_, row) => ({ labels: ['twice'], probabilities: [outputs.y.data[row]] })),
  present: ({ probabilities: [twice] }) => ({ label: 'twice', confidence: twice }),
  fallback: () => undefined,
};
`;

/** A folder with the one model, one with the one workload. */
function deadlyModel(deadly: Deadly): { models: string; workloads: string } {
  const folder = temporaryFolder('tandem-killers-');
  const [models, workloads] = [join(folder, 'models'), join(folder, 'workloads')];
  for (const each of [models, workloads]) mkdirSync(each);
  const graphs = JSON.parse(readFileSync(join(FIXTURES, 'graphs.json'), 'utf8')) as Record<string, GraphSpec>;
  const graph = graphs[deadly.graph]!;
  copyFileSync(join(FIXTURES, graph.file), join(models, graph.file));
  const variant = {
    model: 'deadly', precision: 'fp32', version: '1', status: 'stable', adapter: 'deadly', graphs: { [deadly.graph]: graph },
    accuracy: { metric: 'accuracy', value: 1, data: 'none', date: '2026-01-01' },
  };
  writeFileSync(join(models, 'registry.json'), JSON.stringify({ registryVersion: 1, models: [variant] }));
  const workload = {
    name: 'deadly', description: 'twice a number', adapter: 'deadly.js', deadlineMs: null, defaultTask: 'coarse',
    plans: { coarse: { strategy: 'cascade', steps: [{ id: 'double', role: 'coarse', model: 'deadly' }] } },
  };
  writeFileSync(join(workloads, 'deadly.json'), JSON.stringify(workload));
  writeFileSync(join(workloads, 'deadly.js'), adapterOf(deadly));
  writeFileSync(join(workloads, 'package.json'), '{"type":"module"}');
  return { models, workloads };
}

/** A Redis that is configured, and that nobody reaches. */
export const REDIS_AWAY = 'redis://127.0.0.1:1';

const draft = (requestId: string, x: number): Draft => ({ requestId, workload: 'deadly', userId: `user-${x}`, input: { x } });
const answerOf = ({ responses }: Client, requestId: string): Response => responses.get(requestId)![0]!;

/**
 * A cluster of that layout gives such an input up, answers all other requests, and lives on.
 * @param layout flags of `tandem cluster`
 * @param redis null: none; REDIS_AWAY. @default that of the tests
 */
export async function expectGivenUp(deadly: Deadly, layout: readonly string[], redis: string | null = inject('redis')): Promise<void> {
  const prefix = `test-${randomUUID().slice(0, 8)}.`;
  const flags = { kafka: inject('kafka'), prefix, ...(redis === null ? {} : { redis }), ...deadlyModel(deadly) };
  const settings = loadSettings({ flags: { ...flags, logLevel: 'error' } });
  await using ports = await openPorts(settings, 'test');
  await ensureTopology(settings, ports);
  const client = await Client.connect(ports, prefix);
  const args = [...Object.entries(flags).flatMap(([name, value]) => [`--${name}`, value]), ...layout];
  // Each death costs the others the time until Kafka takes the process for dead.
  await using cluster = startCommand(['cluster', ...args, '--threads', '1', '--http-port', '0', '--log-level', 'warn', '--session-timeout-ms', '2000']);

  const others = Array.from({ length: 60 }, (_, index) => draft(`before-${index}`, index));
  const requests = [...others.slice(0, 30), draft('killer', -1), ...others.slice(30)];
  await client.write('requests', requests.map((request) => JSON.stringify(request)));
  await until(() => client.answered === requests.length, { timeoutMs: 150_000, what: () => `${requests.length - client.answered} answers\n${cluster.log()}` });

  for (const { requestId, input } of others) {
    expect(answerOf(client, requestId!)).toMatchObject({ status: 'complete', result: { confidence: 2 * (input['x'] as number) } });
  }
  expect(answerOf(client, 'killer')).toMatchObject({ status: 'failed', error: { code: 'model_crash' } });
  const letters = () => client.deadLetters.filter(({ headers }) => headers[DEAD_LETTER_HEADER.code] === 'model_crash');
  await until(() => letters().length > 0);
  // Given up again after a redelivery it is a letter once more.
  const buried = letters().map(({ value }) => (JSON.parse(value!.toString()) as { task: { requestId: string } }).task.requestId);
  expect(new Set(buried)).toEqual(new Set(['killer']));
  await client.ask(Array.from({ length: 20 }, (_, index) => draft(`after-${index}`, index)));
  expect([...client.responses.values()].filter((all) => all.length > 1)).toEqual([]);
  expect(await cluster.stop(), cluster.log()).toBe(0);
}
