import type { Variant, Work } from '@tandem/schemas';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { classifyAdapter } from './index.ts';
import { float16FromBits, float16ToBits } from './numbers.ts';

const variant: Variant = {
  model: 'digits', precision: 'fp32', version: '1', status: 'stable', adapter: 'classify', lineage: {}, limits: {}, labels: ['no', 'yes'],
  accuracy: { metric: 'accuracy', value: 1, others: {}, data: 'none', date: '2026-01-01' },
  graphs: { classify: {
    file: 'x.onnx', sha256: '0'.repeat(64), bytes: 1,
    inputs: { pixels: { type: 'float32', shape: ['batch', 2, 2] } }, outputs: { probabilities: { type: 'float32', shape: ['batch', 2] } },
  } },
};

const context = { history: undefined, options: {}, variants: [variant] };
const workOf = (values: number[]) => ({ task: { input: { values } } }) as unknown as Work;

test('values are taken as they are, if the model takes so many', () => {
  expect(classifyAdapter.prepare({ values: [1, 2, 3, 4] }, context)).toEqual({ features: { values: [1, 2, 3, 4] }, marks: [], hasCandidates: false });
  expect(() => classifyAdapter.prepare({ values: [1, 2, 3] }, context)).toThrow(expect.objectContaining({ code: 'invalid_input', message: expect.stringContaining('takes 4') }));
});

test('a model that takes any number of values is given any', () => {
  const open = structuredClone(variant);
  open.graphs['classify']!.inputs = { pixels: { type: 'float32', shape: ['batch', 'length'] } };
  expect(classifyAdapter.prepare({ values: [1] }, { ...context, variants: [open] }).features).toEqual({ values: [1] });
});

test('rows of the batch are the values in order, in the model’s precision', () => {
  const pixels = { dims: [2, 2, 2], data: new Float32Array(8) };
  classifyAdapter.encode('classify', [workOf([1, 2, 3, 4]), workOf([5, 6, 7, 8])], { pixels }, variant);
  expect([...pixels.data]).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  const half = { dims: [1, 2], data: new Uint16Array(2) };
  classifyAdapter.encode('classify', [workOf([1, -2])], { half }, variant);
  expect([...half.data]).toEqual([0x3c00, 0xc000]);
});

test('each row becomes scores by label, with the confidence where the model gives one', () => {
  const probabilities = { dims: [2, 2], data: Float32Array.of(0.25, 0.75, 1, 0) };
  const batch = [workOf([]), workOf([])];
  expect(classifyAdapter.decode('classify', batch, { probabilities, confidence: { dims: [2], data: Float32Array.of(0.5, 1) } }, variant)).toEqual([
    { labels: ['no', 'yes'], probabilities: [0.25, 0.75], confidence: 0.5 }, { labels: ['no', 'yes'], probabilities: [1, 0], confidence: 1 },
  ]);
  expect(classifyAdapter.decode('classify', batch, { probabilities }, variant)[0]).not.toHaveProperty('confidence');
});

test('probabilities that are not numbers are an error', () => {
  const probabilities = { dims: [1, 2], data: Float32Array.of(NaN, 1) };
  expect(() => classifyAdapter.decode('classify', [workOf([])], { probabilities }, variant)).toThrow('not numbers');
});

test('the answer is the likeliest label with its probability', () => {
  expect(classifyAdapter.present({ labels: ['no', 'yes'], probabilities: [0.25, 0.75], confidence: 0.1 }, {})).toEqual({ label: 'yes', confidence: 0.75, scores: { no: 0.25, yes: 0.75 } });
  expect(classifyAdapter.fallback({}, [variant])).toBeUndefined();
});

test('every float16 survives the way to a number and back', () => {
  fc.assert(fc.property(fc.integer({ min: 0, max: 0xffff }).filter((bits) => (bits & 0x7c00) !== 0x7c00), (bits) => {
    expect(float16ToBits(float16FromBits(bits))).toBe(bits);
  }));
  expect([float16ToBits(1e9), float16ToBits(-Infinity), float16FromBits(0x7c00), float16FromBits(0x7e00)]).toEqual([0x7c00, 0xfc00, Infinity, NaN]);
});
