import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { ManualClock } from '../clock/index.ts';
import { operatingSystemProbe } from './operating-system.ts';
import { withBroker } from './broker.ts';
import { NetworkCounters } from './network.ts';
import { RaplPower } from './rapl.ts';

async function folder(files: Readonly<Record<string, string>>): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'tandem-probe-'));
  onTestFinished(() => rm(path, { recursive: true }));
  for (const [name, text] of Object.entries(files)) {
    await mkdir(join(path, name, '..'), { recursive: true });
    await writeFile(join(path, name), text);
  }
  return path;
}

test('in a container with bounds, use and memory are of what it may have', async () => {
  const cgroup = await folder({ 'cpu.max': '25000 100000\n', 'cpu.stat': 'usage_usec 1000000\nuser_usec 1\n', 'memory.max': '1000000\n', 'memory.current': '400000\n' });
  const clock = new ManualClock(0);
  const probe = operatingSystemProbe(clock, { cgroupFolder: cgroup });
  await probe.sample();
  await writeFile(join(cgroup, 'cpu.stat'), 'usage_usec 1100000\n');
  clock.advance(500);
  // 100 ms of CPU in 500 ms, of a quarter of a core.
  expect(await probe.sample()).toMatchObject({ cpuCores: 0.25, cpuUse: 0.8, memoryBytes: 1_000_000, memoryFreeBytes: 600_000 });
});

test('without bounds the machine counts', async () => {
  const cgroup = await folder({ 'cpu.max': 'max 100000\n', 'memory.max': 'max\n', 'memory.current': '400000\n' });
  const sample = await operatingSystemProbe(new ManualClock(0), { cgroupFolder: cgroup }).sample();
  expect(sample.cpuCores).toBeGreaterThanOrEqual(1);
  expect(sample.memoryBytes).toBeGreaterThan(1_000_000_000);
});

test('power is what all packages took since the last look, also where a counter has begun anew', async () => {
  const files = (first: number, second: number) => ({
    'intel-rapl:0/energy_uj': `${first}`, 'intel-rapl:0/max_energy_range_uj': '1000000000', 'intel-rapl:1/energy_uj': `${second}`, 'intel-rapl:1/max_energy_range_uj': '1000000000',
  });
  const powercap = await folder(files(5_000_000, 990_000_000));
  const power = new RaplPower(powercap);
  expect(await power.watts(0)).toBeUndefined();
  for (const [name, text] of Object.entries(files(15_000_000, 10_000_000))) await writeFile(join(powercap, name), text);
  expect(await power.watts(1_000)).toBeCloseTo(30, 6);
});

test('where the system does not tell its power, it is unknown', async () => {
  const power = new RaplPower(await folder({}));
  expect([await power.watts(0), await power.watts(1_000)]).toEqual([undefined, undefined]);
});

const interfaces = (counted: Readonly<Record<string, readonly [received: number, sent: number]>>) => [
  'Inter-|   Receive                                                |  Transmit',
  ' face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed',
  ...Object.entries(counted).map(([name, [received, sent]]) => `${name.padStart(6)}: ${received}    10    0    0    0     0          0         0 ${sent}      20    0    0    0     0       0          0`),
  '',
].join('\n');

test('what goes through the network is counted over all interfaces but the machine’s own', async () => {
  const path = join(await folder({ dev: interfaces({ lo: [9, 9], eth0: [1_000, 2_000], wlan0: [5, 5] }) }), 'dev');
  const counters = new NetworkCounters(path);
  expect(await counters.use(0)).toBeUndefined();
  await writeFile(path, interfaces({ lo: [90_000, 90_000], eth0: [1_600, 2_100], wlan0: [5, 105] }));
  expect(await counters.use(500)).toEqual({ receivedPerSecond: 1_200, sentPerSecond: 400 });
  // An interface has begun anew.
  await writeFile(path, interfaces({ eth0: [10, 10] }));
  expect(await counters.use(1_000)).toBeUndefined();
  await writeFile(path, interfaces({ eth0: [60, 10] }));
  expect(await counters.use(1_500)).toEqual({ receivedPerSecond: 100, sentPerSecond: 0 });
});

test('where the system does not count its network, it is unknown', async () => {
  const counters = new NetworkCounters(join(await folder({}), 'dev'));
  expect([await counters.use(0), await counters.use(1_000)]).toEqual([undefined, undefined]);
});

test('how far away the broker is stands beside what the machine has, where it is known', async () => {
  const sample = (brokerMs: number | undefined) => withBroker(operatingSystemProbe(new ManualClock(0)), { roundTripMs: () => brokerMs }).sample();
  expect(await sample(undefined)).not.toHaveProperty('brokerMs');
  expect(await sample(1.5)).toMatchObject({ brokerMs: 1.5 });
});
