import { spawn, type ChildProcess } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

const started = new Set<ChildProcess>();
const temporary = new Set<string>();

process.on('exit', () => {
  for (const child of started) child.kill('SIGKILL');
  for (const folder of temporary) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
});

/** A new folder that goes with this process, at the latest. */
export function temporaryFolder(prefix: string): string {
  const folder = mkdtempSync(join(tmpdir(), prefix));
  temporary.add(folder);
  return folder;
}

export interface ServerProcess {
  readonly pid: number;
  readonly exited: Promise<void>;
  /** The end of what it printed. */
  output(): string;
  signal(signal: NodeJS.Signals): void;
  /** Asks it to end, and kills it after 10 s. */
  stop(): Promise<void>;
  kill(): Promise<void>;
}

/** Starts a server whose output goes to a file. It never outlives this process. */
export function startProcess(command: string, args: readonly string[], outputFile: string): ServerProcess {
  const output = openSync(outputFile, 'a');
  const child = spawn(command, args, { stdio: ['ignore', output, output] });
  closeSync(output);
  started.add(child);
  const exited = new Promise<void>((resolve) => {
    child.once('error', () => resolve());
    child.once('exit', () => resolve());
  }).finally(() => started.delete(child));
  const kill = (): Promise<void> => {
    child.kill('SIGKILL');
    return exited;
  };
  return {
    pid: child.pid ?? -1,
    exited,
    output: () => readFileSync(outputFile, 'utf8').slice(-2000),
    signal: (signal) => void child.kill(signal),
    kill,
    async stop() {
      child.kill('SIGTERM');
      const timer = setTimeout(() => void kill(), 10_000);
      await exited;
      clearTimeout(timer);
    },
  };
}

/** Ends the process on Ctrl-C and termination, by way of its exit handlers, which end what it has started. */
export function exitOnSignals(): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(130));
}

/** Below those that systems give to connections that go out: any of these could be taken before a server that was told of it listens. */
const PORTS = { from: 10_000, to: 32_000 };

/** Ports that were free a moment ago, all different. */
export async function freePorts(count: number): Promise<number[]> {
  const servers: Server[] = [];
  while (servers.length < count) {
    const server = await listening(randomInt(PORTS.from, PORTS.to));
    if (server !== undefined) servers.push(server);
  }
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

/** Undefined: somebody else does. */
async function listening(port: number): Promise<Server | undefined> {
  const server = createServer().listen(port, '127.0.0.1');
  return new Promise((resolve, reject) => {
    server.once('listening', () => resolve(server));
    server.once('error', (error: NodeJS.ErrnoException) => (error.code === 'EADDRINUSE' || error.code === 'EACCES' ? resolve(undefined) : reject(error)));
  });
}

export async function freePort(): Promise<number> {
  const [port] = await freePorts(1);
  return port ?? 0;
}

export function isOnPath(command: string): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((folder) => existsSync(join(folder, command)));
}
