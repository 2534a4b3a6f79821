import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { TandemError } from '@tandem/shared/errors';

const BENCH = fileURLToPath(new URL('../../../bench/main.ts', import.meta.url));
const EXAMPLES = `
Hands everything on to bench/main.ts of this checkout; docs/benchmark.md says what it measures.

Examples:
  tandem bench --quick
  tandem bench --list
  tandem bench --scenario overload`;

async function bench(args: readonly string[]): Promise<void> {
  if (!existsSync(BENCH)) throw new TandemError(`${BENCH} is not there: the benchmark is part of the source, not of an image; clone the repository`, { code: 'not_found' });
  const child = spawn(process.execPath, [BENCH, ...args], { stdio: 'inherit' });
  const passOn = (signal: NodeJS.Signals) => void child.kill(signal);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, passOn);
  const [code] = (await once(child, 'exit')) as [number | null];
  process.exitCode = code ?? 1;
}

export function addBenchCommand(program: Command): void {
  program.command('bench').description('measure this machine: goodput, latency, efficiency, and others beside it')
    .argument('[arguments...]', 'of the benchmark')
    .allowUnknownOption().passThroughOptions().helpOption('-h, --help', 'this; tandem bench -- --help shows the benchmark’s own')
    .action(bench)
    .addHelpText('after', EXAMPLES);
}
