import { createRequire } from 'node:module';
import { Ajv, type AnySchema } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { publicSchemas } from './json-schemas.ts';
import { documents, drift } from './documents.ts';

const files = documents();
const text = (path: string): string => {
  const found = files.get(path);
  if (found === undefined) throw new Error(`${path} is not generated`);
  return found;
};

describe('the AsyncAPI document', () => {
  const document = parse(text('schemas/generated/asyncapi.yaml')) as Record<string, Record<string, never>>;

  it('fits the schema of AsyncAPI 3.0', () => {
    const specification = createRequire(import.meta.url)('@asyncapi/specs/schemas/3.0.0-without-$id.json') as AnySchema;
    const validate = new Ajv({ strict: false, validateFormats: false, logger: false }).compile(specification);
    const valid = validate(document);
    expect({ valid, errors: validate.errors }).toEqual({ valid: true, errors: null });
  });

  it('refers only to what it contains', () => {
    const references = [...text('schemas/generated/asyncapi.yaml').matchAll(/\$ref: "#\/(.+)"/g)].map(([, path]) => path ?? '');
    expect(references.length).toBeGreaterThan(40);
    const broken = references.filter((path) => path.split('/').reduce<unknown>((at, name) => (at as Record<string, unknown> | undefined)?.[name], document) === undefined);
    expect(broken).toEqual([]);
  });

  it('names who sends and who receives on every topic that a stage touches', () => {
    const operations = Object.keys(document['operations'] ?? {});
    expect(operations).toContain('classifier-receive-requests');
    expect(operations).toContain('fusion-send-responses');
    expect(operations).toContain('worker-receive-work');
    expect(operations).toContain('every-stage-send-dead-letters');
  });
});

describe('each JSON Schema', () => {
  const recommend = { history: ['1', '2'], candidates: ['3', { itemId: '4', score: 0.5 }], limit: 5 };
  const request = { requestId: 'a', workload: 'recommend', input: {}, hints: { task: 'full', deadlineMs: 50 } };
  const response = { requestId: 'a', workload: 'recommend', status: 'complete', final: true, sequence: 0, steps: [], latencyMs: 1.5, time: 0 };
  const step = { id: 'coarse', role: 'coarse', model: 'small' };
  const workload = { name: 'w', description: '', adapter: 'recommend', plans: { coarse: { strategy: 'cascade', steps: [step] } } };
  const variant = {
    model: 'small', precision: 'int8', version: '1', status: 'stable', adapter: 'recommend',
    graphs: {}, accuracy: { metric: 'ndcgAt10', value: 0.1, data: 'held out', date: '2026-01-01' },
  };
  const experiment = { name: 'e', workload: 'w', model: 'large', arms: [{ name: 'a', weight: 9 }, { name: 'b', precision: 'int8', shadow: true, weight: 0.5 }], guards: { p95Ms: 50 } };
  const samples: Record<string, unknown[]> = {
    request: [request, { ...request, unknown: 1 }, { ...request, requestId: '' }, { ...request, requestId: 'a\u0000' }, { ...request, hints: { activity: 2 } }, [], null],
    interaction: [{ userId: 'u', itemId: '1', time: 1 }, { userId: 'u', itemId: 1, time: 1 }, { userId: 'u', itemId: '1', time: -1 }],
    cancel: [{ cancel: true, requestId: 'a', workload: 'w' }, { cancel: false, requestId: 'a', workload: 'w' }, { cancel: true, requestId: 'a' }],
    erasure: [{ erase: true, userId: 'u', time: 1 }, { erase: true, userId: '', time: 1 }, { userId: 'u', time: 1 }],
    response: [response, { ...response, result: { items: [{ itemId: '1', score: 2 }] } }, { ...response, status: 'lost' }],
    hints: [{}, { task: 'coarse' }, { task: 'none' }, { deadlineMs: 0 }],
    'recommend-input': [{}, recommend, { ...recommend, limit: 0 }, { ...recommend, limit: 1e9 }, { history: [1] }],
    'generate-input': [{}, { history: ['1', '2'], count: 5 }, { count: 0 }, { temperature: -1 }, { history: [1] }],
    'classify-input': [{ values: [1, 2.5] }, { values: [] }, {}],
    workload: [workload, { ...workload, plans: { other: workload.plans.coarse } }, { ...workload, name: 'No' }],
    registry: [{ registryVersion: 1, models: [variant] }, { registryVersion: 2, models: [] }],
    variant: [variant, { ...variant, status: 'new' }, { ...variant, graphs: { g: { file: '/etc/passwd' } } }],
    control: [{ kind: 'lane_hold', lane: 'bulk', by: 'me', time: 1 }, { kind: 'worker_drain', instance: 'w-1', by: 'me', time: 1 },
      { kind: 'experiment', definition: experiment, state: 'running', weights: { a: 1 }, out: {}, revision: 1, startedAt: 1, why: 'started', by: 'me', time: 1 }, { kind: 'lane_hold', lane: 'fast', by: 'me', time: 1 }],
    experiment: [experiment, { ...experiment, arms: [] }, { ...experiment, goal: 'worse' }, { ...experiment, unknown: 1 }, { ...experiment, guards: { errorShare: 2 } }],
    'audit-entry': [{ time: 1, actor: 'me', action: 'lane.pause', target: 'bulk', outcome: 'done' }, { time: 1, actor: 'me', action: 'lane.pause', target: 'bulk', outcome: 'perhaps' }],
  };

  it.each(publicSchemas)('agrees with its source about $file', ({ file, schema }) => {
    const validate = new Ajv2020({ strict: false, validateFormats: false }).compile(JSON.parse(text(`schemas/generated/${file}.schema.json`)) as AnySchema);
    const verdicts = (samples[file] ?? []).map((sample) => schema.safeParse(sample).success);
    expect(new Set(verdicts)).toEqual(new Set([true, false]));
    expect((samples[file] ?? []).map((sample) => validate(sample))).toEqual(verdicts);
  });
});

describe('drift', () => {
  it('is silent when the files are what the schemas say', () => {
    expect(drift(files, new Map(files))).toEqual([]);
  });

  it('names a changed, a missing and a left-over file', () => {
    const actual = new Map(files).set('docs/topics.md', 'by hand').set('schemas/generated/old.schema.json', '{}');
    actual.delete('schemas/generated/hints.schema.json');
    expect(drift(files, actual)).toEqual([
      'schemas/generated/hints.schema.json is missing',
      'docs/topics.md differs from the schemas',
      'schemas/generated/old.schema.json is not generated any more',
    ]);
  });
});
