import { createHash } from 'node:crypto';
import { arch, availableParallelism, cpus, totalmem } from 'node:os';
import type { Hardware } from './types.ts';

/** What this machine was told to run models with. */
export interface HardwareOptions {
  /** Execution providers, as configured. */
  providers: readonly string[];
  intraOpThreads: number;
  /** Name of the GPU that models may run on. */
  accelerator?: string | undefined;
}

const GIBIBYTE = 1_073_741_824;

/** This machine, as far as batch times depend on it; the fingerprint changes with any of it. */
export function describeHardware({ providers, intraOpThreads, accelerator }: HardwareOptions): Hardware {
  const facts = {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / GIBIBYTE),
    architecture: arch(),
    ...(accelerator === undefined ? {} : { accelerator }),
    providers: [...providers],
    intraOpThreads,
  };
  return { fingerprint: createHash('sha256').update(JSON.stringify(facts)).digest('hex').slice(0, 12), ...facts };
}
