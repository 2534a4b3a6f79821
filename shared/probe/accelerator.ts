import type { AcceleratorSample } from '@tandem/schemas';
import type { Clock } from '../clock/index.ts';
import type { Logger } from '../telemetry/index.ts';
import { parseNvidiaSmi, runNvidiaSmi } from './nvidia-smi.ts';
import type { ResourceProbe } from './types.ts';

/** The tool costs tens of milliseconds of CPU: it is asked once a second at most, and nobody waits for it. */
const INTERVAL_MS = 1_000;
/** What is older is not known. */
const FRESH_MS = 5_000;

/** Which accelerator is looked at, and how. */
export interface AcceleratorProbeOptions {
  /** As ONNX Runtime's provider counts them. */
  deviceId: number;
  clock: Clock;
  logger: Logger;
  /** @default nvidia-smi */
  run?: (deviceId: number) => Promise<string>;
}

/** Adds an NVIDIA GPU to what another probe knows, for as long as its driver's tool tells of it. */
export function acceleratorProbe(machine: ResourceProbe, options: AcceleratorProbeOptions): ResourceProbe {
  const gpu = new NvidiaGpu(options);
  return {
    async sample() {
      const accelerator = gpu.latest();
      return { ...(await machine.sample()), ...(accelerator === undefined ? {} : { accelerator }) };
    },
  };
}

class NvidiaGpu {
  readonly #options: AcceleratorProbeOptions;
  #known: AcceleratorSample | undefined;
  #knownAt = -Infinity;
  #askedAt = -Infinity;
  #asking = false;
  #warned = false;

  constructor(options: AcceleratorProbeOptions) {
    this.#options = options;
    void this.#ask();
  }

  latest(): AcceleratorSample | undefined {
    const now = this.#options.clock.now();
    if (!this.#asking && now - this.#askedAt >= INTERVAL_MS) void this.#ask();
    return now - this.#knownAt <= FRESH_MS ? this.#known : undefined;
  }

  async #ask(): Promise<void> {
    const { clock, deviceId, run = runNvidiaSmi } = this.#options;
    this.#asking = true;
    this.#askedAt = clock.now();
    try {
      const sample = parseNvidiaSmi(await run(deviceId));
      if (sample === undefined) throw new Error('its output names no GPU with its memory');
      this.#known = sample;
      this.#knownAt = clock.now();
    } catch (error) {
      this.#warn(error);
    } finally {
      this.#asking = false;
    }
  }

  #warn(error: unknown): void {
    if (this.#warned) return;
    this.#warned = true;
    this.#options.logger.warn({ err: error }, 'nvidia-smi tells nothing of the GPU; its memory and use are unknown');
  }
}
