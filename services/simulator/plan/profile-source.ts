import { z } from 'zod';
import type { Variant } from '@tandem/schemas';
import { TandemError, messageOf } from '@tandem/shared/errors';
import type { CurvePoint } from '../model/service-times.ts';
import type { Profile } from './cell.ts';
import { variantName } from './path-policy.ts';

const lineageSchema = z.object({ batch1: z.number().positive(), batch32: z.number().positive() });
const FULL = 32;

/** Times of batches of 1 and of 32 as the registry has them: what is between is interpolated. */
export function registryProfile(variants: readonly Variant[]): Profile {
  return new Map(variants.flatMap((variant) => {
    const measured = lineageSchema.safeParse(variant.lineage['millisecondsPerRequest']);
    if (!measured.success) return [];
    const points: CurvePoint[] = [{ size: 1, ms: measured.data.batch1 }, { size: FULL, ms: FULL * measured.data.batch32 }];
    return [[variantName(variant), points] as const];
  }));
}

const profileSchema = z.record(z.string(), z.array(z.object({ size: z.number().positive(), ms: z.number().positive() })).min(1));

/** @throws {TandemError} `profile_invalid` */
export function parseProfile(text: string, source: string): Profile {
  try {
    return new Map(Object.entries(profileSchema.parse(JSON.parse(text))));
  } catch (error) {
    throw new TandemError(`${source}: a profile is JSON like {"recommend-large.int8": [{"size": 1, "ms": 0.6}, {"size": 32, "ms": 16}]}: ${messageOf(error).split('\n')[0]}`, { code: 'profile_invalid', cause: error });
  }
}
