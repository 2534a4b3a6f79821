import { expect, test } from 'vitest';
import { ManualClock } from '../clock/index.ts';
import { silentLogger } from '../telemetry/index.ts';
import { MEBIBYTE } from '../units/index.ts';
import { acceleratorProbe } from './accelerator.ts';
import { parseNvidiaSmi } from './nvidia-smi.ts';

const machine = { sample: async () => ({ time: 0, cpuCores: 2, memoryBytes: 8, memoryFreeBytes: 4 }) };
const settled = () => new Promise((resolve) => setImmediate(resolve));

test.each([
  ['NVIDIA H100 80GB HBM3, 34, 81559, 68123, 215.31\n', { name: 'NVIDIA H100 80GB HBM3', use: 0.34, memoryBytes: 81_559 * MEBIBYTE, memoryFreeBytes: 68_123 * MEBIBYTE, powerWatts: 215.31 }],
  ['Tesla T4, 0, 15360, 14917, [N/A]\n', { name: 'Tesla T4', use: 0, memoryBytes: 15_360 * MEBIBYTE, memoryFreeBytes: 14_917 * MEBIBYTE }],
  ['NVIDIA A100-SXM4-40GB, [N/A], 40960, 40333, [Not Supported]\n', { name: 'NVIDIA A100-SXM4-40GB', memoryBytes: 40_960 * MEBIBYTE, memoryFreeBytes: 40_333 * MEBIBYTE }],
])('%j is read', (output, sample) => {
  expect(parseNvidiaSmi(output)).toEqual(sample);
});

test.each([
  '', 'No devices were found\n', 'NVIDIA Graphics Device, 3, [N/A], [N/A], [N/A]\n', 'GRID K1, [Not Supported], [Not Supported], [Not Supported], [Not Supported]\n',
  'NVIDIA-SMI has failed because it couldn\'t communicate with the NVIDIA driver.\n', 'Tesla T4, [Unknown Error], [Unknown Error], [Unknown Error], [Unknown Error]\n',
])('%j says nothing of a GPU', (output) => {
  expect(parseNvidiaSmi(output)).toBeUndefined();
});

test('the GPU is asked about once a second at most, and what is old is unknown', async () => {
  const clock = new ManualClock(0);
  let calls = 0;
  let answers = true;
  const run = async (deviceId: number) => {
    calls += 1;
    if (!answers) throw new Error('lost');
    return `GPU ${deviceId}, 50, 1000, 400, 70.5`;
  };
  const probe = acceleratorProbe(machine, { deviceId: 1, clock, logger: silentLogger, run });
  await settled();
  for (let sample = 0; sample < 5; sample += 1) {
    expect((await probe.sample()).accelerator).toMatchObject({ name: 'GPU 1', use: 0.5 });
    clock.advance(200);
  }
  expect(calls).toBe(1);
  answers = false;
  await probe.sample();
  await settled();
  expect(calls).toBe(2);
  clock.advance(3_000);
  expect((await probe.sample()).accelerator).toMatchObject({ use: 0.5 });
  await settled();
  clock.advance(3_000);
  expect('accelerator' in (await probe.sample())).toBe(false);
});

test('where there is no tool there is no GPU, and everything else is known', async () => {
  const run = async () => {
    throw Object.assign(new Error('spawn nvidia-smi ENOENT'), { code: 'ENOENT' });
  };
  const probe = acceleratorProbe(machine, { deviceId: 0, clock: new ManualClock(0), logger: silentLogger, run });
  await settled();
  expect(await probe.sample()).toEqual({ time: 0, cpuCores: 2, memoryBytes: 8, memoryFreeBytes: 4 });
});
