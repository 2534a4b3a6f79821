import type { ResourceSample } from '@tandem/schemas';
import type { Decision, Policy, VariantState } from './types.ts';

/** Bounds of the published rules; every one is configuration. */
export interface ThresholdOptions {
  /** Coarse work: INT8 above this accelerator (or CPU) use, else FP16. @default 0.8 */
  coarseBusyAbove: number;
  /** Fine work: FP16 below this use and with enough memory, else INT8. @default 0.7 */
  fineIdleBelow: number;
  /** Bytes that fine FP16 work wants free; without an accelerator the host's memory counts. @default 10e9 */
  fineFreeMemoryBytes: number;
  /** FP16 must be at least this much faster than FP32 to be worth it. @default 1.05 */
  minimumHalfPrecisionGain: number;
}

export const THRESHOLD_DEFAULTS: ThresholdOptions = {
  coarseBusyAbove: 0.8,
  fineIdleBelow: 0.7,
  fineFreeMemoryBytes: 10e9,
  minimumHalfPrecisionGain: 1.05,
};

/** What is not known is NaN: it is neither above nor below any bound, so a rule that asks for it falls to its "else". */
interface Load {
  what: string;
  use: number;
  freeBytes: number;
}

const UNKNOWN: Load = { what: 'load unknown', use: NaN, freeBytes: NaN };

function load(resources: ResourceSample | undefined): Load {
  if (resources === undefined) return UNKNOWN;
  const { accelerator } = resources;
  const [name, use, freeBytes] = accelerator === undefined
    ? ['CPU', resources.cpuUse ?? NaN, resources.memoryFreeBytes] as const
    : ['accelerator', accelerator.use ?? NaN, accelerator.memoryFreeBytes] as const;
  return { what: `${name} ${Number.isNaN(use) ? 'use unknown' : use.toFixed(2)}, ${(freeBytes / 1e9).toFixed(1)} GB free`, use, freeBytes };
}

function wanted(role: string, { use, freeBytes }: Load, options: ThresholdOptions): 'fp16' | 'int8' {
  if (role === 'fine') return use < options.fineIdleBelow && freeBytes > options.fineFreeMemoryBytes ? 'fp16' : 'int8';
  return use > options.coarseBusyAbove ? 'int8' : 'fp16';
}

/** Measured milliseconds per request at a full batch, as the registry (or later the profile) has it. */
function millisecondsPerRequest(state: VariantState | undefined): number | undefined {
  const measured = state?.variant.lineage['millisecondsPerRequest'];
  if (typeof measured !== 'object' || measured === null || !('batch32' in measured)) return undefined;
  return typeof measured.batch32 === 'number' ? measured.batch32 : undefined;
}

/** FP16 on a CPU is often slower than FP32 (casts): it is chosen only where the measurement says that it gains. */
function halfPrecisionGains(candidates: readonly VariantState[], minimumGain: number): boolean {
  const half = millisecondsPerRequest(candidates.find(({ variant }) => variant.precision === 'fp16'));
  const full = millisecondsPerRequest(candidates.find(({ variant }) => variant.precision === 'fp32'));
  return half !== undefined && full !== undefined && full / half >= minimumGain;
}

const LIGHT_FIRST = ['int8', 'fp16', 'fp32'];
const HALF_FIRST = ['fp16', 'fp32', 'int8'];
const FULL_FIRST = ['fp32', 'fp16', 'int8'];

function preference(want: 'fp16' | 'int8', gains: () => boolean): readonly string[] {
  if (want === 'int8') return LIGHT_FIRST;
  return gains() ? HALF_FIRST : FULL_FIRST;
}

function firstOf(order: readonly string[], candidates: readonly VariantState[]): VariantState {
  for (const precision of order) {
    const found = candidates.find(({ variant }) => variant.precision === precision);
    if (found !== undefined) return found;
  }
  return candidates[0]!;
}

/**
 * The published rules: coarse → INT8 when use > 0.8, else FP16; fine → FP16 when use < 0.7 and free memory > 10 GB,
 * else INT8. What is not known does not hold. Without an accelerator the CPU's use and memory stand in, and FP32 where FP16 is named and gains nothing.
 */
export function thresholdPolicy(options: Partial<ThresholdOptions> = {}): Policy {
  const bounds = { ...THRESHOLD_DEFAULTS, ...options };
  // Resources are news twice a second: they are read, and put into words, once.
  let [sensed, now]: [ResourceSample | undefined, Load] = [undefined, load(undefined)];
  return {
    name: 'threshold',
    choose(context, candidates): Decision {
      const { resources } = context.cluster;
      if (resources !== sensed) [sensed, now] = [resources, load(resources)];
      const want = wanted(context.step.role, now, bounds);
      const chosen = firstOf(preference(want, () => halfPrecisionGains(candidates, bounds.minimumHalfPrecisionGain)), candidates);
      const { model, precision } = chosen.variant;
      const pool = chosen.pool === undefined ? {} : { pool: chosen.pool };
      return { kind: 'dispatch', model, precision, ...pool, reason: `threshold: ${context.step.role}, ${now.what} → ${want}${precision === want ? '' : `, ${precision} serves`}` };
    },
  };
}
