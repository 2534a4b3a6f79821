import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startGatewayAndStages, type RunningGateway } from '../../support/gateway.ts';
import { runPython } from '../../support/python.ts';
import { snippetOf } from '../../support/snippets.ts';

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, '../../..');
const REQUIREMENTS = join(import.meta.dirname, 'requirements.txt');
const DIGITS = join(ROOT, 'models/digits-test.json');

let running: RunningGateway;

beforeAll(async () => {
  running = await startGatewayAndStages();
});
afterAll(async () => running[Symbol.asyncDispose]());

const snippet = (name: string, extension: string) => snippetOf(name, extension, running.gateway.url);

describe('what docs/gateway.md shows', () => {
  test('in curl brings recommendations', async () => {
    const { stdout } = await run('bash', [await snippet('curl', 'sh')]);
    const answer = JSON.parse(stdout) as { status: string; result: { items: unknown[] } };
    expect(answer.status).toMatch(/complete|degraded/);
    expect(answer.result.items).toHaveLength(3);
  });

  test('in TypeScript brings recommendations', async () => {
    const { stdout } = await run(process.execPath, [await snippet('typescript', 'mts')]);
    expect(stdout).toMatch(/(complete|degraded) \[\s+\{ itemId: '\d+', score: /);
  });

  test('of streaming brings the small model’s recommendations, then the final ones', async () => {
    const { stdout } = await run(process.execPath, [await snippet('streaming', 'mts')]);
    expect(stdout).toMatch(/^for now: \d+\nfinal: \d+\n$/);
  });

  test('in Python brings recommendations', async () => {
    expect(await runPython([await snippet('python', 'py')], REQUIREMENTS)).toMatch(/^(complete|degraded) \[\{'itemId': '\d+', 'score': /);
  });

  test('with Triton’s client brings probabilities', async () => {
    expect(await runPython([await snippet('triton', 'py')], REQUIREMENTS)).toMatch(/^\[\[[\d.e\s+-]+\]\]\s*$/);
  });
});

test('Triton’s own client works as it comes', { timeout: 180_000 }, async () => {
  const output = await runPython([join(import.meta.dirname, 'triton_calls.py'), new URL(running.gateway.url).host, DIGITS], REQUIREMENTS);
  const found = JSON.parse(output) as Record<string, unknown> & { same: Record<string, boolean>; refused: Record<string, { status: string }>; labels: number[]; index: { name: string }[] };
  expect(found).toMatchObject({ live: true, ready: true, model_ready: true, unknown_ready: false, async: true, request_id: 'my-id', shape: [8, 10], items: { shape: [1, 100], dtype: 'int32' }, statistics: 17 });
  expect(Object.entries(found.same).filter(([, same]) => !same)).toEqual([]);
  const { labels } = JSON.parse(await readFile(DIGITS, 'utf8')) as { labels: number[] };
  expect(found.labels.filter((label, index) => label === labels[index]).length).toBeGreaterThanOrEqual(7);
  expect(found['metadata']).toMatchObject({ platform: 'onnxruntime_onnx', inputs: [{ name: 'pixels', datatype: 'FP32', shape: [-1, 64] }], outputs: [{ name: 'probabilities', datatype: 'FP32', shape: [-1, 10] }] });
  expect(Object.fromEntries(Object.entries(found.refused).map(([what, { status }]) => [what, status]))).toEqual({
    'unknown model': '404', 'wrong shape': '400', 'wrong type': '400', 'no inputs': '400', loading: '501',
  });
});
