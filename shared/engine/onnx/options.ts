import { availableParallelism } from 'node:os';
import { TandemError } from '../../errors/index.ts';
import { silentLogger, type Logger } from '../../telemetry/index.ts';
import { droppedOptions, providerName, type ProviderConfig } from './provider.ts';

/** Where the models lie, and what they may run on. */
export interface OnnxEngineOptions {
  /** Where the registry's files lie. */
  modelsDirectory: string;
  /** Inference threads; each holds a session per graph and runs one batch at a time. @default available cores */
  threads?: number;
  /**
   * More threads, at the operating system's lowest priority, for what is prepared in the background. They start, and load what is loaded, when the first such
   * invocation runs. Without effect but on Linux, and where `providers` names an accelerator, which knows no such priority. @default 0
   */
  backgroundThreads?: number;
  /** Threads that ONNX Runtime uses inside one operator. @default 1: cores are better spent on whole batches */
  intraOpThreads?: number;
  /** What ONNX Runtime rewrites a graph into when it loads it. @default all */
  graphOptimization?: GraphOptimization;
  /** Whether threads inside an operator spin while they wait: sooner at work, busy cores. Without effect for one thread. @default true */
  spinning?: boolean;
  /**
   * Tried in this order per graph; one that is not there or refuses the graph is logged as a warning with its reason,
   * and the next is tried. `cpu` is always the last. Only `cpu` has been run by this project's tests.
   * @default ['cpu']
   */
  providers?: readonly ProviderConfig[];
  /** Leases at once, over all variants: further `prepare` calls wait. @default 2 × threads of both kinds + 2 */
  maxLeases?: number;
  /** Size of the dimension `batch` at warm-up; other dimensions are 1. @default 1 */
  warmUpBatchSize?: number;
  /** A thread without a result for so long is abandoned and replaced; one in the background after ten times as long, since others go before it. @default 30000 */
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

/** How far ONNX Runtime rewrites a graph when it loads it. */
export type GraphOptimization = 'disabled' | 'basic' | 'extended' | 'layout' | 'all';

export type CompiledOptions = Required<OnnxEngineOptions>;

/** Slots of the shared control block; a lease takes one. */
const MAX_LEASES = 256;

/** @throws {TandemError} `invalid_options` */
export function compileOptions(options: OnnxEngineOptions): CompiledOptions {
  const threads = options.threads ?? availableParallelism();
  const providers = options.providers ?? ['cpu'];
  const hasCpu = providers.some((provider) => providerName(provider) === 'cpu');
  const givesWay = process.platform === 'linux' && providers.every((provider) => providerName(provider) === 'cpu');
  const backgroundThreads = givesWay ? (options.backgroundThreads ?? 0) : 0;
  const compiled: CompiledOptions = {
    modelsDirectory: options.modelsDirectory,
    threads,
    backgroundThreads,
    intraOpThreads: options.intraOpThreads ?? 1,
    graphOptimization: options.graphOptimization ?? 'all',
    spinning: options.spinning ?? true,
    providers: hasCpu ? providers : [...providers, 'cpu'],
    maxLeases: options.maxLeases ?? Math.min(MAX_LEASES, 2 * (threads + backgroundThreads) + 2),
    warmUpBatchSize: options.warmUpBatchSize ?? 1,
    runTimeoutMs: options.runTimeoutMs ?? 30_000,
    onAbandoned: options.onAbandoned ?? (() => undefined),
    onExhausted: options.onExhausted ?? (() => undefined),
    logger: options.logger ?? silentLogger,
  };
  requireCount('threads', compiled.threads, 128);
  requireCount('backgroundThreads', compiled.backgroundThreads, 128, 0);
  requireCount('intraOpThreads', compiled.intraOpThreads, 1024);
  requireCount('maxLeases', compiled.maxLeases, MAX_LEASES);
  requireCount('warmUpBatchSize', compiled.warmUpBatchSize, 4096);
  requireCount('runTimeoutMs', compiled.runTimeoutMs, 86_400_000);
  compiled.providers.forEach((provider) => warnOfDropped(provider, compiled.logger));
  return compiled;
}

/** FP16, memory limits and engine caches of accelerators, for example, can only be set through other bindings of ONNX Runtime. */
function warnOfDropped(provider: ProviderConfig, logger: Logger): void {
  const options = droppedOptions(provider);
  if (options.length === 0) return;
  const name = providerName(provider);
  logger.warn({ provider: name, options }, `${options.join(', ')} of the execution provider ${name} will have no effect: onnxruntime-node does not hand them on`);
}

function requireCount(name: string, value: number, most: number, least = 1): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  throw new TandemError(`${name} is ${value}; it must be an integer from ${least} to ${most}`, { code: 'invalid_options' });
}
