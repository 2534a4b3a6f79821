import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { classifyInputSchema, generateInputSchema, interactionSchema, recommendInputSchema, requestSchema } from './ingress-to-classifier.ts';

const id = fc.oneof({ weight: 9, arbitrary: fc.string({ minLength: 1, maxLength: 32 }) }, fc.string({ minLength: 31, maxLength: 34 }), fc.constantFrom('', '\ud800', 'a\u0000'));
const number = fc.oneof({ weight: 9, arbitrary: fc.integer({ min: 0, max: 50 }) }, fc.double(), fc.constantFrom('1', null));
const listOf = (element: fc.Arbitrary<unknown>) => fc.oneof({ weight: 9, arbitrary: fc.array(element, { maxLength: 4 }) }, fc.anything());
const optional = { requiredKeys: [] };
const scored = fc.record({ itemId: id, score: number, rank: number }, optional);
const hints = fc.record({ task: fc.constantFrom('full', 'none'), deadlineMs: number, accuracyFloor: number, tier: fc.constantFrom('gold', 'Gold'), provisional: fc.anything() }, optional);

describe.each<[string, z.ZodObject, fc.Arbitrary<unknown>]>([
  ['requests', requestSchema, fc.record({ requestId: id, workload: fc.constantFrom('a', 'A'), userId: id, key: id, input: fc.oneof(fc.dictionary(id, fc.anything()), fc.anything()), hints, time: number, more: id }, optional)],
  ['interactions', interactionSchema, fc.record({ userId: id, itemId: id, time: number, more: id }, optional)],
  ['inputs of recommend', recommendInputSchema, fc.record({ history: listOf(id), candidates: listOf(fc.oneof(id, scored)), limit: number, asOfInteractions: number }, optional)],
  ['inputs of generate', generateInputSchema, fc.record({ history: listOf(id), count: number, temperature: number, topK: number, seed: number }, optional)],
  ['inputs of classify', classifyInputSchema, fc.record({ values: listOf(number) }, optional)],
])('the compiled schema of %s', (_, schema, values) => {
  const plain = z.object(schema.shape);

  test('reads as the plain one does: the same values, the same issues with the same paths', () => {
    fc.assert(fc.property(fc.oneof({ weight: 9, arbitrary: values }, fc.anything()), (value) => {
      const [compiled, expected] = [schema.safeParse(value), plain.safeParse(value)];
      expect(compiled.data).toEqual(expected.data);
      expect(compiled.error?.issues).toEqual(expected.error?.issues);
    }), { numRuns: 300 });
  });

  test('can be compiled: zod would go without a word where it cannot', () => {
    expect(() => z.compile(plain, { strict: true })).not.toThrow();
  });
});
