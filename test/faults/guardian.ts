import { spawn, type ChildProcess } from 'node:child_process';
import type { ServerProcess } from '../support/processes.ts';

const SCRIPT = `
  process.on('SIGINT', () => {});
  process.on('SIGTERM', () => {});
  process.on('SIGHUP', () => {});
  const pids = new Set();
  let rest = '';
  process.stdin.on('data', (chunk) => {
    const lines = (rest + chunk).split('\\n');
    rest = lines.pop();
    for (const line of lines) line.startsWith('-') ? pids.delete(-line) : pids.add(+line);
  });
  process.stdin.on('end', () => {
    for (const pid of pids) try { process.kill(pid, 'SIGKILL'); } catch {}
  });`;

/** Ends processes by their ids when this one is gone, however it went: also after kill -9. */
export class Guardian implements Disposable {
  readonly #child: ChildProcess;

  constructor() {
    this.#child = spawn(process.execPath, ['-e', SCRIPT], { stdio: ['pipe', 'ignore', 'inherit'] });
    this.#child.unref();
    this.#child.stdin!.on('error', () => undefined);
  }

  /** Until it ends: its id may come to mean another process then. */
  watch({ pid, exited }: ServerProcess): void {
    this.#child.stdin!.write(`${pid}\n`);
    void exited.then(() => this.#child.stdin!.write(`-${pid}\n`));
  }

  [Symbol.dispose](): void {
    this.#child.stdin!.end();
  }
}
