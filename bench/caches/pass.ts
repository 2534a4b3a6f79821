import type { LogRecord } from '@tandem/shared/log';
import { median } from '@tandem/shared/statistics';
import type { BenchWorker } from './workers.ts';

/** What came of so many requests. */
export interface Pass {
  hits: number;
  computeMs: number;
  /** From handing over until the outcome. */
  medianMs: number;
  /** Of CPU, of the whole process, per request. */
  cpuMicroseconds: number;
}

const OUTSTANDING = 32;
const context = { publish: async () => undefined };

/** Sends them through a worker, so many outstanding at a time. */
export async function pass(worker: BenchWorker, records: readonly LogRecord[]): Promise<Pass> {
  const [hits, computeMs, cpu] = [worker.hits, worker.computeMs, process.cpuUsage()];
  const latencies: number[] = [];
  let next = 0;
  const lane = async () => {
    while (next < records.length) {
      const record = records[next]!;
      next += 1;
      const startedAt = performance.now();
      const outputs = await worker.stage.handle(record, context);
      latencies.push(performance.now() - startedAt);
      // As the producer would.
      for (const { value } of outputs) void value;
    }
  };
  await Promise.all(Array.from({ length: OUTSTANDING }, lane));
  const { user, system } = process.cpuUsage(cpu);
  return { hits: worker.hits - hits, computeMs: worker.computeMs - computeMs, medianMs: median(latencies), cpuMicroseconds: (user + system) / records.length };
}
