import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { expect, test } from 'vitest';
import { startGatewayAndStages } from '../../support/gateway.ts';
import { runPython } from '../../support/python.ts';
import { snippetOf } from '../../support/snippets.ts';

const MODELS = join(import.meta.dirname, '../../../models');
const DIGITS = join(MODELS, 'digits-test.json');
const REQUIREMENTS = join(import.meta.dirname, 'kserve-requirements.txt');
/** The client comes with KServe's whole server: 67 packages, 430 MB, minutes to install for the first time. */
const WITH_INSTALLATION_MS = 540_000;
const ROWS = 8;
const LABELS = 10;

interface Found {
  probabilities: Record<string, number[][]>;
  refused: Record<string, { status: number; message: string }>;
}

/** What the runtime itself says to the same pixels. */
async function expectedProbabilities(): Promise<number[]> {
  const { pixels } = JSON.parse(await readFile(DIGITS, 'utf8')) as { pixels: number[][] };
  const session = await InferenceSession.create(join(MODELS, 'digits-large/classify.fp32.onnx'));
  const { probabilities } = await session.run({ pixels: new Tensor('float32', Float32Array.from(pixels.slice(0, ROWS).flat()), [ROWS, 64]) });
  return Array.from(probabilities!.data as Float32Array);
}

test('KServe’s own client works as it comes', { timeout: WITH_INSTALLATION_MS }, async () => {
  await using running = await startGatewayAndStages({}, { stages: [] });
  const { url } = running.gateway;
  const found = JSON.parse(await runPython([join(import.meta.dirname, 'kserve_calls.py'), url, DIGITS], REQUIREMENTS)) as Found;
  expect(found).toMatchObject({
    live: true, ready: true, model_ready: true, unknown_ready: false,
    answer: { id: 'my-id', model: 'digits-large', output: 'probabilities', shape: [ROWS, LABELS] }, items: { shape: [1, 100], datatype: 'INT32' },
  });

  const expected = await expectedProbabilities();
  expect(Object.keys(found.probabilities)).toHaveLength(5);
  for (const [how, rows] of Object.entries(found.probabilities)) {
    const values = rows.flat();
    expect(values, how).toHaveLength(ROWS * LABELS);
    for (const [index, value] of values.entries()) expect(value, how).toBeCloseTo(expected[index]!, 5);
  }

  const { 'unknown model': unknown, 'wrong shape': shape, 'no inputs': none } = found.refused;
  expect(unknown).toMatchObject({ status: 404, message: expect.stringContaining('There is no model nope') as string });
  expect(shape).toMatchObject({ status: 400, message: expect.stringContaining('pixels has the shape [1, 63]') as string });
  expect(none).toMatchObject({ status: 400, message: expect.stringContaining('Inputs are missing: pixels') as string });

  expect(await runPython([await snippetOf('kserve', 'py', url)], REQUIREMENTS)).toMatch(/^\[\[[\d.e\s+-]+\]\]\s*$/);
});
