import type { AcceleratorSample, ResourceSample } from '@tandem/schemas';
import { z } from 'zod';
import type { Clock } from '../clock/index.ts';
import { messageOf } from '../errors/index.ts';
import type { Logger } from '../telemetry/index.ts';
import { MEBIBYTE } from '../units/index.ts';
import type { ResourceProbe } from './types.ts';

/** What is older is not known. */
const FRESH_MS = 15_000;
const INTERVAL_MS = 1_000;
const TIMEOUT_MS = 2_000;

/** PromQL for each figure; the first series of an answer counts. Absent: not asked. */
export interface PrometheusQueries {
  /** 0..1 */
  cpuUse?: string;
  memoryFreeBytes?: string;
  /** 0..1 */
  acceleratorUse?: string;
  acceleratorFreeMebibytes?: string;
  acceleratorUsedMebibytes?: string;
  acceleratorWatts?: string;
}

type Figure = keyof PrometheusQueries;

/**
 * What NVIDIA's DCGM exporter calls them.
 * @param selector labels of this machine's GPU, as `instance="gpu-1:9400",gpu="0"`; empty: whatever there is
 */
export function dcgmQueries(selector: string): PrometheusQueries {
  const of = (name: string) => `max(${name}{${selector}})`;
  return {
    acceleratorUse: `${of('DCGM_FI_DEV_GPU_UTIL')} / 100`,
    acceleratorFreeMebibytes: of('DCGM_FI_DEV_FB_FREE'),
    acceleratorUsedMebibytes: of('DCGM_FI_DEV_FB_USED'),
    acceleratorWatts: of('DCGM_FI_DEV_POWER_USAGE'),
  };
}

/** Which server is asked for what. */
export interface PrometheusProbeOptions {
  /** Of its server, as http://prometheus:9090. */
  url: string;
  queries: PrometheusQueries;
  clock: Clock;
  logger: Logger;
}

const answerSchema = z.object({
  status: z.literal('success'),
  data: z.object({ resultType: z.literal('vector'), result: z.array(z.object({ value: z.tuple([z.number(), z.string()]) })) }),
});

interface Known {
  value: number;
  /** When the series was last written, epoch ms. */
  at: number;
}

/** Adds to what another probe knows what a Prometheus server knows of the machine. Nobody waits for it; what is stale is unknown. */
export function prometheusProbe(machine: ResourceProbe, options: PrometheusProbeOptions): ResourceProbe {
  const prometheus = new PrometheusFigures(options);
  return { sample: async () => withFigures(await machine.sample(), prometheus.latest()) };
}

type Figures = Partial<Record<Figure, number>>;

function withFigures(sample: ResourceSample, figures: Figures): ResourceSample {
  const { cpuUse, memoryFreeBytes } = figures;
  const accelerator = acceleratorOf(figures);
  return {
    ...sample,
    ...(cpuUse === undefined ? {} : { cpuUse: Math.max(0, Math.min(1, cpuUse)) }),
    ...(memoryFreeBytes === undefined ? {} : { memoryFreeBytes }),
    ...(accelerator === undefined ? {} : { accelerator }),
  };
}

/** Without its memory nothing is known of a GPU. */
function acceleratorOf({ acceleratorUse: use, acceleratorFreeMebibytes: free, acceleratorUsedMebibytes: used, acceleratorWatts: powerWatts }: Figures): AcceleratorSample | undefined {
  if (free === undefined || used === undefined) return undefined;
  const memory = { memoryBytes: (free + used) * MEBIBYTE, memoryFreeBytes: free * MEBIBYTE };
  return { name: 'GPU', ...memory, ...(use === undefined ? {} : { use }), ...(powerWatts === undefined ? {} : { powerWatts }) };
}

class PrometheusFigures {
  readonly #options: PrometheusProbeOptions;
  readonly #known = new Map<Figure, Known>();
  #askedAt = -Infinity;
  #asking = false;
  #warned = false;

  constructor(options: PrometheusProbeOptions) {
    this.#options = options;
    void this.#ask();
  }

  latest(): Figures {
    const now = this.#options.clock.now();
    if (!this.#asking && now - this.#askedAt >= INTERVAL_MS) void this.#ask();
    const fresh = [...this.#known].filter(([, { at }]) => now - at <= FRESH_MS);
    return Object.fromEntries(fresh.map(([figure, { value }]) => [figure, value]));
  }

  async #ask(): Promise<void> {
    const { queries, clock, logger } = this.#options;
    this.#asking = true;
    this.#askedAt = clock.now();
    const asked = Object.entries(queries) as [Figure, string][];
    const answers = await Promise.allSettled(asked.map(([figure, query]) => this.#query(figure, query)));
    this.#asking = false;
    const failure = answers.find((answer) => answer.status === 'rejected');
    if (failure === undefined) {
      this.#warned = false;
      return;
    }
    if (!this.#warned) logger.warn({ reason: messageOf(failure.reason) }, 'Prometheus does not answer; what it would tell is unknown');
    this.#warned = true;
  }

  /** The time of the series' own last sample is asked for with it: an answer's time is that of the question. */
  async #query(figure: Figure, query: string): Promise<void> {
    const [value, at] = await Promise.all([this.#first(query), this.#first(`max(timestamp(${seriesOf(query)}))`)]);
    if (value === undefined || !Number.isFinite(value)) this.#known.delete(figure);
    else this.#known.set(figure, { value, at: at === undefined ? this.#options.clock.now() : 1_000 * at });
  }

  async #first(query: string): Promise<number | undefined> {
    const response = await fetch(new URL(`/api/v1/query?query=${encodeURIComponent(query)}`, this.#options.url), { signal: AbortSignal.timeout(TIMEOUT_MS) });
    const text = await response.text();
    if (!response.ok) throw new Error(`${response.status} for ${query}: ${text.slice(0, 200)}`);
    const first = answerSchema.parse(JSON.parse(text)).data.result[0];
    return first === undefined ? undefined : Number(first.value[1]);
  }
}

/** The first series that a query names, without what is done with it. */
function seriesOf(query: string): string {
  return /[a-zA-Z_:][\w:]*\{[^}]*\}/.exec(query)?.[0] ?? /(?:^|[\s(])([a-zA-Z_:][\w:]*)(?![\w:]*\s*\()/.exec(query)?.[1] ?? query;
}
