import { fileURLToPath } from 'node:url';
import { createOnnxEngine, type LoadedVariant } from '@tandem/shared/engine';
import { LENGTH_BUCKETS } from '@tandem/shared/core';
import { loadRegistry, variantName } from '@tandem/shared/registry';
import { median } from '@tandem/shared/statistics';

const MODELS = fileURLToPath(new URL('../../models/', import.meta.url));
const SIZES = [1, 2, 4, 8, 16, 32];

export interface CurvePoint {
  length: number;
  size: number;
  /** Through the engine, packing included. */
  ms: number;
}

/** Measured times of batches, by size and padded length. */
export interface MeasuredCurve {
  variant: string;
  points: CurvePoint[];
}

/** What is run: a variant's graph, and the sizes of its dimensions other than batch and length. */
interface Subject {
  variant: string;
  graph: string;
  dimensions: Record<string, number>;
}

export const SUBJECTS: readonly Subject[] = [
  { variant: 'recommend-large.fp32', graph: 'rank', dimensions: { candidates: 100 } },
  { variant: 'recommend-large.int8', graph: 'rank', dimensions: { candidates: 100 } },
  { variant: 'recommend-small.int8', graph: 'candidates', dimensions: { excluded: 1 } },
];

async function batchMs(loaded: LoadedVariant, { graph, dimensions }: Subject, size: number, length: number): Promise<number> {
  const startedAt = performance.now();
  const invocation = await loaded.prepare(graph, { ...dimensions, batch: size, length });
  for (const { data } of Object.values(invocation.inputs)) for (let index = 0; index < data.length; index += 1) data[index] = (index * 7) % 5 + 1;
  await invocation.run();
  invocation.release();
  return performance.now() - startedAt;
}

/** Every size and length in turn, round after round; medians, made monotone in the size. */
export async function measureCurve(subject: Subject, rounds: number): Promise<MeasuredCurve> {
  const { variants } = await loadRegistry(MODELS);
  const variant = variants.find((known) => variantName(known) === subject.variant);
  if (variant === undefined) throw new Error(`models/registry.json has no ${subject.variant}`);
  await using engine = createOnnxEngine({ modelsDirectory: MODELS, threads: 1 });
  const loaded = await engine.load(variant);
  const samples = new Map<string, number[]>();
  for (let round = -1; round < rounds; round += 1) {
    for (const length of LENGTH_BUCKETS) {
      for (const size of SIZES) {
        const ms = await batchMs(loaded, subject, size, length);
        const key = `${length}/${size}`;
        // The first round warms up.
        if (round >= 0) samples.set(key, [...(samples.get(key) ?? []), ms]);
      }
    }
  }
  const points = LENGTH_BUCKETS.flatMap((length) => {
    let least = 0;
    return SIZES.map((size) => ({ length, size, ms: (least = Math.max(least, median(samples.get(`${length}/${size}`) ?? []))) }));
  });
  return { variant: subject.variant, points };
}

/** Interpolates between sizes; a length costs what its bucket does. */
export function timeOf({ points }: MeasuredCurve): (size: number, length: number) => number {
  const byLength = LENGTH_BUCKETS.map((length) => points.filter((point) => point.length === length));
  return (size, length) => {
    const curve = byLength[LENGTH_BUCKETS.findIndex((bucket) => length <= bucket)] ?? byLength.at(-1)!;
    const above = curve.findIndex((point) => point.size >= size);
    const [lower, upper] = [curve[above - 1], curve[above]];
    if (upper === undefined) return (curve.at(-1)!.ms * size) / curve.at(-1)!.size;
    if (lower === undefined) return upper.ms;
    return lower.ms + ((upper.ms - lower.ms) * (size - lower.size)) / (upper.size - lower.size);
  };
}
