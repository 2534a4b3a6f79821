import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { systemClock } from '@tandem/shared/clock';
import { dcgmQueries, prometheusProbe } from '@tandem/shared/probe';
import { silentLogger } from '@tandem/shared/telemetry';
import { freePort, isOnPath } from '../../support/processes.ts';
import { until } from '../../support/until.ts';

const machine = { sample: async () => ({ time: 0, cpuCores: 2, memoryBytes: 8, memoryFreeBytes: 4 }) };

/** What a DCGM exporter of two GPUs serves. */
const EXPOSED = ['0', '1'].map((gpu) => [
  `DCGM_FI_DEV_GPU_UTIL{gpu="${gpu}"} ${30 + 10 * Number(gpu)}`, `DCGM_FI_DEV_FB_FREE{gpu="${gpu}"} 60000`,
  `DCGM_FI_DEV_FB_USED{gpu="${gpu}"} 20000`, `DCGM_FI_DEV_POWER_USAGE{gpu="${gpu}"} 215.5`,
].join('\n')).join('\n');

async function exporter() {
  const server = createServer((_request, response) => response.writeHead(200, { 'content-type': 'text/plain' }).end(`${EXPOSED}\n`));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = () => new Promise((resolve) => {
    server.close(resolve);
    server.closeAllConnections();
  });
  onTestFinished(async () => void (await close()));
  return { address: `127.0.0.1:${(server.address() as AddressInfo).port}`, close };
}

async function startPrometheus(target: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tandem-prometheus-'));
  const config = { global: { scrape_interval: '1s', scrape_timeout: '1s' }, scrape_configs: [{ job_name: 'gpu', static_configs: [{ targets: [target] }] }] };
  await writeFile(join(folder, 'prometheus.yml'), JSON.stringify(config));
  const address = `127.0.0.1:${await freePort()}`;
  const child = spawn('prometheus', [`--config.file=${join(folder, 'prometheus.yml')}`, `--storage.tsdb.path=${join(folder, 'data')}`, `--web.listen-address=${address}`], { stdio: 'ignore' });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await ended;
    await rm(folder, { recursive: true, force: true });
  });
  return `http://${address}`;
}

describe.skipIf(!isOnPath('prometheus'))('a real Prometheus (apt-get install prometheus; skipped without it)', () => {
  test('tells of the GPU that is meant, and of none any more when its exporter is gone', async () => {
    const gpu = await exporter();
    const url = await startPrometheus(gpu.address);
    const probe = prometheusProbe(machine, { url, queries: dcgmQueries(`instance="${gpu.address}",gpu="1"`), clock: systemClock, logger: silentLogger });
    await until(async () => (await probe.sample()).accelerator?.powerWatts !== undefined && (await probe.sample()).accelerator?.use !== undefined, { timeoutMs: 60_000 });
    const { accelerator, memoryBytes } = await probe.sample();
    expect(accelerator).toEqual({ name: 'GPU', use: 0.4, memoryBytes: 80_000 * 1_048_576, memoryFreeBytes: 60_000 * 1_048_576, powerWatts: 215.5 });
    expect(memoryBytes).toBe(8);
    await gpu.close();
    await until(async () => !('accelerator' in (await probe.sample())), { timeoutMs: 60_000 });
  });
});
