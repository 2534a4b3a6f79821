import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

const ENTRY = join(import.meta.dirname, '../../services/cli/tandem.ts');

export interface CommandProcess extends AsyncDisposable {
  readonly pid: number;
  /** What it wrote to standard error so far. */
  log(): string;
  /** The same of standard output. */
  printed(): string;
  /** SIGTERM; resolves with the exit code. */
  stop(): Promise<number | null>;
}

/** `tandem <args>` as a process of its own; ended with the test at the latest. */
export function startCommand(args: readonly string[], environment: Record<string, string> = {}): CommandProcess {
  const env = { ...process.env, ...environment };
  const child: ChildProcess = spawn(process.execPath, [ENTRY, ...args], { stdio: ['ignore', 'pipe', 'pipe', 'ipc'], env });
  const texts = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) child[name]?.setEncoding('utf8').on('data', (chunk: string) => (texts[name] += chunk));
  // `close`: when all that it wrote is here too.
  const exited = once(child, 'close').then(([code]) => code as number | null);
  const stop = () => {
    if (child.exitCode === null) child.kill('SIGTERM');
    return exited;
  };
  return { pid: child.pid ?? -1, log: () => texts.stderr, printed: () => texts.stdout, stop, [Symbol.asyncDispose]: async () => void (await stop()) };
}
