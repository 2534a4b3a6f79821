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

/** What the rules want for steps of a role, and why. */
interface Ruling {
  want: 'fp16' | 'int8';
  reason: string;
}

function ruleFor(role: string, now: Load, options: ThresholdOptions): Ruling {
  const want = wanted(role, now, options);
  return { want, reason: `threshold: ${role}, ${now.what} → ${want}` };
}

function wanted(role: string, { use, freeBytes }: Load, options: ThresholdOptions): Ruling['want'] {
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
  const half = millisecondsPerRequest(ofPrecision('fp16', candidates));
  const full = millisecondsPerRequest(ofPrecision('fp32', candidates));
  return half !== undefined && full !== undefined && full / half >= minimumGain;
}

const LIGHT_FIRST = ['int8', 'fp16', 'fp32'];
const HALF_FIRST = ['fp16', 'fp32', 'int8'];
const FULL_FIRST = ['fp32', 'fp16', 'int8'];

function preference(want: Ruling['want'], candidates: readonly VariantState[], { minimumHalfPrecisionGain }: ThresholdOptions): readonly string[] {
  if (want === 'int8') return LIGHT_FIRST;
  return halfPrecisionGains(candidates, minimumHalfPrecisionGain) ? HALF_FIRST : FULL_FIRST;
}

function ofPrecision(precision: string, candidates: readonly VariantState[]): VariantState | undefined {
  for (const candidate of candidates) if (candidate.variant.precision === precision) return candidate;
  return undefined;
}

function firstOf(order: readonly string[], candidates: readonly VariantState[]): VariantState {
  for (const precision of order) {
    const found = ofPrecision(precision, candidates);
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
  // Resources are news twice a second: they are read, and what follows from them is put into words, once for each role.
  let [sensed, now]: [ResourceSample | undefined, Load] = [undefined, load(undefined)];
  const rulings = new Map<string, Ruling>();
  return {
    name: 'threshold',
    choose(context, candidates): Decision {
      const { resources } = context.cluster;
      if (resources !== sensed) {
        [sensed, now] = [resources, load(resources)];
        rulings.clear();
      }
      const { role } = context.step;
      let ruling = rulings.get(role);
      if (ruling === undefined) rulings.set(role, (ruling = ruleFor(role, now, bounds)));
      const { want } = ruling;
      const { variant: { model, precision }, pool } = firstOf(preference(want, candidates, bounds), candidates);
      const reason = precision === want ? ruling.reason : `${ruling.reason}, ${precision} serves`;
      return pool === undefined ? { kind: 'dispatch', model, precision, reason } : { kind: 'dispatch', model, precision, pool, reason };
    },
  };
}
