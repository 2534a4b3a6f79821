import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { arch, cpus, loadavg, platform, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { KAFKA_VERSION } from '../../test/support/kafka-jars.ts';

/** Where and of what a result is. */
export interface Machine {
  cpu: string;
  cores: number;
  memoryGiB: number;
  system: string;
  node: string;
  onnxruntime: string;
  kafkajs: string;
  /** Of the broker that the run starts; absent: it starts none. */
  kafka?: string;
  /** With `+` where files differ from it. */
  commit: string;
  /** Of the last minute before the run started anything: a result of a busy machine means little. */
  loadAverage: number;
}

const REPOSITORY = join(import.meta.dirname, '../..');

function git(...args: string[]): string {
  try {
    return execFileSync('git', args, { cwd: REPOSITORY, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return '';
  }
}

function versionOf(name: string): string {
  const file = join(REPOSITORY, 'node_modules', name, 'package.json');
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}

export function describeMachine({ startsBroker = false } = {}): Machine {
  const changed = git('status', '--porcelain', '--untracked-files=no') !== '';
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${platform()} ${release()} ${arch()}`,
    node: process.version,
    onnxruntime: versionOf('onnxruntime-node'),
    kafkajs: versionOf('kafkajs'),
    ...(startsBroker ? { kafka: KAFKA_VERSION } : {}),
    commit: `${git('rev-parse', '--short', 'HEAD') || 'unknown'}${changed ? '+' : ''}`,
    loadAverage: Math.round((loadavg()[0] ?? NaN) * 100) / 100,
  };
}
