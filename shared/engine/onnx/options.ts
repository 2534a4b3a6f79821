import { availableParallelism } from 'node:os';
import { TandemError } from '../../errors/index.ts';
import { silentLogger, type Logger } from '../../telemetry/index.ts';
import { providerName, type ProviderConfig } from './provider.ts';

export interface OnnxEngineOptions {
  /** Where the registry's files lie. */
  modelsDirectory: string;
  /** Inference threads; each holds a session per graph and runs one batch at a time. @default available cores */
  threads?: number;
  /** Threads that ONNX Runtime uses inside one operator. @default 1: cores are better spent on whole batches */
  intraOpThreads?: number;
  /**
   * Tried in this order per graph; one that is not there or refuses the graph is logged as a warning with its reason,
   * and the next is tried. `cpu` is always the last. Only `cpu` has been run by this project's tests.
   * @default ['cpu']
   */
  providers?: readonly ProviderConfig[];
  /** Leases at once, over all variants: further `prepare` calls wait. @default 2 × threads + 2 */
  maxLeases?: number;
  /** Size of the dimension `batch` at warm-up; other dimensions are 1. @default 1 */
  warmUpBatchSize?: number;
  /** A thread without a result for so long is abandoned and replaced. @default 30000 */
  runTimeoutMs?: number;
  /** How many threads hang in native code now, whenever that changes: for a metric. */
  onAbandoned?: (count: number) => void;
  /**
   * As many threads hang as should run. Native code cannot be stopped, so only a new process gives their cores and
   * memory back: finish what can be finished and end. Called once.
   */
  onExhausted?: () => void;
  logger?: Logger;
}

export type CompiledOptions = Required<OnnxEngineOptions>;

/** Slots of the shared control block; a lease takes one. */
const MAX_LEASES = 256;

/** @throws {TandemError} `invalid_options` */
export function compileOptions(options: OnnxEngineOptions): CompiledOptions {
  const threads = options.threads ?? availableParallelism();
  const providers = options.providers ?? ['cpu'];
  const hasCpu = providers.some((provider) => providerName(provider) === 'cpu');
  const compiled: CompiledOptions = {
    modelsDirectory: options.modelsDirectory,
    threads,
    intraOpThreads: options.intraOpThreads ?? 1,
    providers: hasCpu ? providers : [...providers, 'cpu'],
    maxLeases: options.maxLeases ?? Math.min(MAX_LEASES, 2 * threads + 2),
    warmUpBatchSize: options.warmUpBatchSize ?? 1,
    runTimeoutMs: options.runTimeoutMs ?? 30_000,
    onAbandoned: options.onAbandoned ?? (() => undefined),
    onExhausted: options.onExhausted ?? (() => undefined),
    logger: options.logger ?? silentLogger,
  };
  requireCount('threads', compiled.threads, 128);
  requireCount('intraOpThreads', compiled.intraOpThreads, 1024);
  requireCount('maxLeases', compiled.maxLeases, MAX_LEASES);
  requireCount('warmUpBatchSize', compiled.warmUpBatchSize, 4096);
  requireCount('runTimeoutMs', compiled.runTimeoutMs, 86_400_000);
  return compiled;
}

function requireCount(name: string, value: number, most: number): void {
  if (Number.isInteger(value) && value >= 1 && value <= most) return;
  throw new TandemError(`${name} is ${value}; it must be an integer from 1 to ${most}`, { code: 'invalid_options' });
}
