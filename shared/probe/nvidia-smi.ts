import { execFile } from 'node:child_process';
import type { AcceleratorSample } from '@tandem/schemas';
import { MEBIBYTE } from '../units/index.ts';

const TIMEOUT_MS = 5_000;
const FIELDS = ['name', 'utilization.gpu', 'memory.total', 'memory.free', 'power.draw'];

/**
 * Reads the line that `nvidia-smi --query-gpu=name,utilization.gpu,memory.total,memory.free,power.draw --format=csv,noheader,nounits`
 * prints for a GPU: per cent, MiB and watts. Without memory figures nothing is known; without the use or the power (`[N/A]`,
 * `[Not Supported]`, as for partitioned GPUs) the rest is.
 */
export function parseNvidiaSmi(output: string): AcceleratorSample | undefined {
  const fields = output.split('\n')[0]?.split(',').map((field) => field.trim()) ?? [];
  if (fields.length < FIELDS.length) return undefined;
  // The numbers are the last four: a name might hold a comma.
  const [use, total, free, powerWatts] = fields.slice(-4).map(numberOf);
  const name = fields.slice(0, -4).join(', ');
  if (name === '' || total === undefined || free === undefined || total === 0) return undefined;
  return { name, ...(use === undefined || use > 100 ? {} : { use: use / 100 }), memoryBytes: total * MEBIBYTE, memoryFreeBytes: free * MEBIBYTE, ...(powerWatts === undefined ? {} : { powerWatts }) };
}

function numberOf(text: string): number | undefined {
  return /^\d+(\.\d+)?$/.test(text) ? Number(text) : undefined;
}

/** @throws why the tool could not be run, or failed */
export function runNvidiaSmi(deviceId: number): Promise<string> {
  const args = [`--id=${deviceId}`, `--query-gpu=${FIELDS.join(',')}`, '--format=csv,noheader,nounits'];
  return new Promise((resolve, reject) => {
    execFile('nvidia-smi', args, { timeout: TIMEOUT_MS, windowsHide: true }, (error, stdout) => {
      if (error === null) resolve(stdout);
      // Fails with its reason on standard output, as "No devices were found".
      else reject(new Error(`${error.message} ${stdout}`.trim(), { cause: error }));
    });
  });
}
