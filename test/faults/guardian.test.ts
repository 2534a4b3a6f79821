import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { until } from '../support/until.ts';

const SCRIPT = `
  import { Guardian } from '${join(import.meta.dirname, 'guardian.ts')}';
  import { startProcess } from '${join(import.meta.dirname, '../support/processes.ts')}';
  const server = startProcess('sleep', ['300'], '/dev/null');
  new Guardian().watch(server);
  console.log(server.pid);
  setInterval(() => undefined, 1_000);`;

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

test('what a run has started ends with it, also when the run is killed', async () => {
  const run = spawn(process.execPath, ['--input-type=module', '-e', SCRIPT], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void run.kill('SIGKILL'));
  const [line] = (await once(run.stdout, 'data')) as [Buffer];
  const pid = Number(line.toString('utf8'));
  expect(alive(pid)).toBe(true);
  run.kill('SIGKILL');
  await until(() => !alive(pid), { what: `process ${pid} to end` });
});
