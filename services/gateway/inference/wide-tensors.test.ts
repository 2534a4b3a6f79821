import type { GraphSpec } from '@tandem/schemas';
import { expect, test } from 'vitest';
import { fill, readTensors, type ReadTensor } from './read-tensors.ts';
import { writeTensors } from './write-tensors.ts';

const tensor = { type: 'int64', shape: ['batch', 2] } as const;
const graph: GraphSpec = { file: 'x.onnx', sha256: '0'.repeat(64), bytes: 1, inputs: { ids: { ...tensor, shape: [...tensor.shape] } }, outputs: { next: { ...tensor, shape: [...tensor.shape] } } };
const ids = { name: 'ids', shape: [1, 2], datatype: 'INT64' };

const bytesOf = (...values: bigint[]) => Buffer.from(BigInt64Array.from(values).buffer);
const asBinary = (bytes: Buffer): ReadTensor => readTensors(graph, [{ ...ids, parameters: { binary_data_size: bytes.length } }], bytes)[0]!;

test('numbers of 64 bits come in as JSON or as binary data, and are those that the engine takes', () => {
  const [fromJson] = readTensors(graph, [{ ...ids, data: [-5, 7] }], Buffer.alloc(0));
  for (const read of [fromJson!, asBinary(bytesOf(-5n, 7n))]) {
    const target = new Int32Array(2);
    fill(read, target);
    expect([...target]).toEqual([-5, 7]);
  }
});

test('larger ones than 32 bits hold are refused by name and value', () => {
  const target = new Int32Array(2);
  expect(() => fill(asBinary(bytesOf(0n, 2n ** 31n)), target)).toThrow(expect.objectContaining({ message: 'ids has the element 2147483648; whole numbers from -2147483648 to 2147483647 are expected.' }));
  expect(() => fill(asBinary(bytesOf(-(2n ** 40n), 0n)), target)).toThrow(expect.objectContaining({ message: expect.stringContaining('-1099511627776') as string }));
  expect(() => fill(readTensors(graph, [{ ...ids, data: [0.5, 1] }], Buffer.alloc(0))[0]!, target)).toThrow(expect.objectContaining({ code: 'invalid_tensor' }));
});

test('they go out with 64 bits as binary data, and as numbers in JSON', () => {
  const views = { next: { dims: [1, 2], data: Int32Array.of(-4, 8) } };
  const { outputs, binary } = writeTensors(graph, { inputs: [], parameters: { binary_data_output: true } }, views);
  expect(outputs).toEqual([{ name: 'next', datatype: 'INT64', shape: [1, 2], parameters: { binary_data_size: 16 } }]);
  expect(binary).toEqual([bytesOf(-4n, 8n)]);
  expect(writeTensors(graph, { inputs: [] }, views).outputs).toEqual([{ name: 'next', datatype: 'INT64', shape: [1, 2], data: [-4, 8] }]);
});
