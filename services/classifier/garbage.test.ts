import { errorCodeSchema, reasonSchema, taskKindSchema, type RejectedOutcome, type Task } from '@tandem/schemas';
import { RecordError } from '@tandem/shared/errors';
import type { LogRecord } from '@tandem/shared/log';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ClassifierStage } from './classifier-stage.ts';
import { ITEMS, NOW, handle, record, testClassifier } from './testing.ts';

const RECORDS = 10_000;
/** Small, so that records around the limit are cheap to make by the thousand. */
const MAX_BYTES = 8_192;

/** Mostly right, so that a record is often wrong in one place only and every check is reached. */
const mostly = <Value>(right: fc.Arbitrary<Value>, ...wrong: unknown[]): fc.Arbitrary<unknown> =>
  fc.oneof({ weight: 20, arbitrary: right }, { weight: 1, arbitrary: fc.constantFrom(...wrong) }, { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 2 }) });
const sometimes = <Fields extends object>(fields: { [Name in keyof Fields]: fc.Arbitrary<Fields[Name]> }) => fc.record(fields, { requiredKeys: [] });

const requestId = mostly(
  fc.oneof({ weight: 9, arbitrary: fc.uuid() }, { weight: 1, arbitrary: fc.constantFrom('again', '__proto__', 'constructor', 'ü', '👩‍👩‍👧', ' ') }),
  '', 'a\u0000b', '\uD800', 'x'.repeat(257), 7, null,
);
const itemId = fc.integer({ min: 1, max: ITEMS }).map(String);
const itemIds = mostly(fc.array(itemId, { maxLength: 12 }), ['0'], ['1001'], ['1', ''], ['__proto__'], [7], 'all');
const input = sometimes({
  history: itemIds,
  candidates: mostly(fc.array(fc.oneof(itemId, fc.record({ itemId, score: fc.double() })), { maxLength: 12 }), ['1001'], ['1001'], ['-1'], ['1.5'], [{ itemId: '1' }]),
  limit: mostly(fc.integer({ min: 1, max: 100 }), 0, -1, 1e9, 1.5, '10'),
  asOfInteractions: mostly(fc.constant(0), -1, 0.5, '3'),
  surprise: fc.jsonValue({ maxDepth: 2 }),
});
const hints = sometimes({
  task: mostly(fc.constantFrom('coarse', 'fine', 'full'), 'best', 1),
  deadlineMs: mostly(fc.constantFrom(1, 50, 1e6), 0, -5, 1e9, 1e-9, '50'),
  accuracyFloor: mostly(fc.constantFrom(0, 0.98, 1), 2, -1),
  tier: mostly(fc.constant('gold'), 'Not An Id', 1),
  activity: mostly(fc.constantFrom(0, 0.5, 1), 2, 'much'),
});
const request = fc.record(
  {
    requestId,
    workload: mostly(fc.constant('recommend'), 'none-such', 'constructor', '__proto__', '', 'Ä', 5),
    userId: mostly(fc.constantFrom('ann', 'bob', '__proto__', 'constructor', '👩‍👩‍👧'), '', '\uDFFF', 5),
    key: mostly(fc.string({ unit: 'grapheme', minLength: 1 }), '', 5),
    input: mostly(input, [], null),
    hints: mostly(hints, [], null),
    time: mostly(fc.constantFrom(NOW, 0), -1, 1.5, 1e300, 'now'),
    surprise: fc.jsonValue(),
  },
  { requiredKeys: ['requestId', 'workload', 'input'] },
);
const interaction = fc.record(
  { userId: mostly(fc.constantFrom('ann', '__proto__'), '', 5), itemId: mostly(itemId, '0', '1001', '01', 7), time: mostly(fc.constant(NOW), -1, 1.5, 'now'), surprise: fc.jsonValue() },
  { requiredKeys: ['userId', 'itemId', 'time'] },
);

const text = (value: unknown) => Buffer.from(JSON.stringify(value));
const messages = fc.oneof({ weight: 4, arbitrary: request }, { weight: 1, arbitrary: interaction }).map(text);
const deep = fc.tuple(fc.integer({ min: 1, max: 2_000 }), request).map(([depth, whole]) => {
  const nested = '['.repeat(depth) + ']'.repeat(depth);
  return Buffer.from(`${JSON.stringify(whole).slice(0, -1)},"deep":${nested}}`);
});
const planted = fc.tuple(request, fc.constantFrom('__proto__', 'constructor', 'prototype'), fc.jsonValue()).map(([whole, name, value]) =>
  Buffer.from(`{"${name}":${JSON.stringify({ polluted: true, limit: 3, value })},${JSON.stringify(whole).slice(1)}`.replace('"input":{', `"input":{"${name}":{"polluted":true},`)),
);
const aroundTheLimit = fc.tuple(request, fc.integer({ min: -300, max: 300 })).map(([whole, by]) => text({ ...whole, filler: 'x'.repeat(MAX_BYTES + by) }));
const cutOff = fc.tuple(messages, fc.nat()).map(([whole, at]) => whole.subarray(0, at % whole.length));
const damaged = fc.tuple(messages, fc.nat(), fc.integer({ min: 0, max: 255 })).map(([whole, at, byte]) => {
  const copy = Buffer.from(whole);
  copy[at % copy.length] = byte;
  return copy;
});
const otherEncodings = messages.chain((whole) =>
  fc.constantFrom(Buffer.from(whole.toString(), 'utf16le'), Buffer.from(whole.toString(), 'latin1'), Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), whole])),
);
const notJson = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('', ' ', 'NaN', 'Infinity', '1e999', '"', '{}{}', "{'a':1}", '[1,]', 'undefined')).map((value) => Buffer.from(value));
const anyJson = fc.jsonValue({ maxDepth: 4 }).map((value) => text(value));
const bytes = fc.uint8Array({ maxLength: 64 }).map((value) => Buffer.from(value));

const value = fc.oneof(
  { weight: 12, arbitrary: messages },
  deep, planted, aroundTheLimit, cutOff, damaged, otherEncodings, notJson, anyJson, bytes, fc.constantFrom(null, Buffer.alloc(0)),
);
const addressed = fc.oneof(
  { weight: 4, arbitrary: fc.record({ topic: fc.constantFrom('requests', 'requests', 'requests.bulk'), value }) },
  { weight: 1, arbitrary: fc.record({ topic: fc.constant('interactions'), value: fc.oneof(interaction.map(text), value) }) },
);
const garbage = fc.record({
  addressed,
  version: fc.oneof({ weight: 9, arbitrary: fc.constantFrom(undefined, '1', '1.9') }, { weight: 1, arbitrary: fc.constantFrom('2', '99', '', 'v1', '1e9') }),
  ageMs: fc.constantFrom(0, 0, 0, 10, 100_000),
  key: fc.constantFrom(null, 'ann', '__proto__', '\u0000'),
});

type GarbageRecord = typeof garbage extends fc.Arbitrary<infer Value> ? Value : never;

type Verdict = { kind: 'task'; task: Task } | { kind: 'rejected'; outcome: RejectedOutcome } | { kind: 'refused'; error: RecordError } | { kind: 'stored' };

async function verdictOf(classifier: ClassifierStage, input: LogRecord): Promise<Verdict> {
  try {
    const outputs = await handle(classifier, input);
    if (input.topic === 'tandem.interactions') {
      expect(outputs).toEqual([]);
      return { kind: 'stored' };
    }
    expect(outputs).toHaveLength(1);
    const written: unknown = JSON.parse(String(outputs[0]?.value));
    if (outputs[0]?.topic === 'tandem.tasks') return { kind: 'task', task: written as Task };
    expect(outputs[0]?.topic).toBe('tandem.outcomes');
    return { kind: 'rejected', outcome: written as RejectedOutcome };
  } catch (error) {
    if (error instanceof RecordError) return { kind: 'refused', error };
    throw error;
  }
}

/** The id that the sender would look for, found by plain means. */
function idIn(input: LogRecord): string | undefined {
  try {
    const parsed: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(input.value ?? Buffer.alloc(0)));
    const id: unknown = Object.hasOwn(Object(parsed) as object, 'requestId') ? (parsed as { requestId: unknown }).requestId : undefined;
    const usable = typeof id === 'string' && id.length > 0 && id.length <= 256 && id.isWellFormed() && !/\p{Cc}/u.test(id);
    return usable ? id : undefined;
  } catch {
    return undefined;
  }
}

function checkTask(task: Task, input: LogRecord): void {
  expect(task.requestId).toBe(idIn(input));
  expect(task.workload).toBe('recommend');
  expect(taskKindSchema.options).toContain(task.task);
  expect(task.plan.steps.length).toBeGreaterThan(0);
  expect(task.source).toBe(`${input.topic}/${input.partition}/${input.offset}`);
  const { limit } = task.input as { limit: number };
  expect(limit).toBeGreaterThanOrEqual(1);
  expect(limit).toBeLessThanOrEqual(100);
  if (task.lane === 'interactive' || task.deadlineAt !== null) expect(task.deadlineAt).toBeGreaterThan(NOW);
}

function checkRejection(outcome: RejectedOutcome, input: LogRecord): void {
  expect(outcome).toMatchObject({ kind: 'rejected', requestId: idIn(input), arrivedAt: input.timestamp });
  expect(errorCodeSchema.options).toContain(outcome.code);
  expect(reasonSchema.options).toContain(outcome.reason);
  expect(outcome.code).not.toBe('internal');
  expect(outcome.message.length).toBeLessThan(400);
}

function checkRefusal(error: RecordError, input: LogRecord): void {
  expect(errorCodeSchema.options).toContain(error.code);
  expect(error.code).not.toBe('internal');
  expect(error.message.length).toBeLessThan(400);
  if (input.topic !== 'tandem.interactions' && error.code !== 'duplicate_request') expect(idIn(input)).toBeUndefined();
}

describe('garbage on the input topics', () => {
  it(`${RECORDS} records of every kind: each is one task, one rejection or one dead letter, and never anything else`, async () => {
    const { classifier } = testClassifier({ limits: { maxBytes: MAX_BYTES } });
    const prototype = Object.getOwnPropertyNames(Object.prototype);
    const seen = new Map<string, number>();
    const check = async ({ addressed: { topic, value: content }, version, ageMs, key }: GarbageRecord) => {
      const headers: Record<string, string> = version === undefined ? {} : { 'tandem-schema': version };
      const input = record(topic, content, { headers, key, timestamp: NOW - ageMs });
      const verdict = await verdictOf(classifier, input);
      if (verdict.kind === 'task') checkTask(verdict.task, input);
      if (verdict.kind === 'rejected') checkRejection(verdict.outcome, input);
      if (verdict.kind === 'refused') checkRefusal(verdict.error, input);
      const name = verdict.kind === 'rejected' ? `rejected ${verdict.outcome.code}` : verdict.kind === 'refused' ? `refused ${verdict.error.code}` : verdict.kind;
      seen.set(name, (seen.get(name) ?? 0) + 1);
    };
    await fc.assert(fc.asyncProperty(garbage, check), { numRuns: RECORDS, seed: 20_261_121, endOnFailure: false });

    expect(Object.getOwnPropertyNames(Object.prototype)).toEqual(prototype);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
    expect([...seen.values()].reduce((sum, count) => sum + count, 0)).toBe(RECORDS);
    // The generator reaches every verdict that garbage can get.
    for (const name of [
      'task', 'stored', 'rejected invalid_request', 'rejected invalid_input', 'rejected unknown_workload', 'rejected unknown_item',
      'rejected expired', 'rejected too_deep', 'rejected too_large', 'rejected unsupported_schema_version', 'refused empty_value',
      'refused invalid_encoding', 'refused invalid_json', 'refused invalid_request', 'refused invalid_interaction',
      'refused duplicate_request', 'refused too_deep', 'refused too_large', 'refused unknown_item', 'refused unsupported_schema_version',
    ]) expect.soft(seen.get(name) ?? 0, name).toBeGreaterThan(5);
  }, 120_000);
});
