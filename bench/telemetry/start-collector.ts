import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

/** A collector in a process of its own, which forgets everything. */
export async function startCollector(): Promise<{ url: string; stop: () => void }> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'collector.ts')], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [port] = (await once(child.stdout, 'data')) as [Buffer];
  return { url: `http://127.0.0.1:${port.toString().trim()}`, stop: () => child.kill() };
}
