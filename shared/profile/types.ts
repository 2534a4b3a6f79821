import { precisionSchema, idSchema } from '@tandem/schemas';
import { z } from 'zod';

/** Batches of one size and length on one graph, one after the other on one thread. */
const profilePointSchema = z.object({
  graph: z.string(),
  batch: z.number().int().positive(),
  /** Of every sequence; 1 where the graph has none. */
  length: z.number().int().positive(),
  samples: z.number().int().positive(),
  meanMs: z.number(),
  p50Ms: z.number(),
  p90Ms: z.number(),
  p99Ms: z.number(),
});
/** Times of one graph at one batch size and length, ms. */
export type ProfilePoint = z.infer<typeof profilePointSchema>;

const variantProfileSchema = z.object({
  model: idSchema,
  precision: precisionSchema,
  version: z.string(),
  /** Of all its files: another model under the same name has another profile. */
  files: z.string(),
  provider: z.string(),
  /** Until it was loaded and warmed up on all threads. */
  loadMs: z.number(),
  /** First runs beyond what the later ones take, over all graphs. */
  warmUpMs: z.number(),
  /** Of model files times threads. */
  memoryBytes: z.number(),
  /** By how much the process grew while it loaded. */
  residentBytes: z.number(),
  points: z.array(profilePointSchema).min(1),
});
/** All points of a variant on one kind of machine. */
export type VariantProfile = z.infer<typeof variantProfileSchema>;

const hardwareSchema = z.object({
  fingerprint: z.string(),
  cpu: z.string(),
  cores: z.number().int(),
  memoryGiB: z.number(),
  architecture: z.string(),
  accelerator: z.string().optional(),
  providers: z.array(z.string()),
  intraOpThreads: z.number().int(),
});
/** What batch times depend on beside the model. */
export type Hardware = z.infer<typeof hardwareSchema>;

/** `profiles/<fingerprint>.json` */
export const profileSchema = z.object({
  profileVersion: z.literal(1),
  hardware: hardwareSchema,
  variants: z.array(variantProfileSchema.extend({ kind: z.enum(['full', 'quick']), madeAt: z.string() })),
});
/** The profile file: machines, and what variants take on each. */
export type Profile = z.infer<typeof profileSchema>;
/** A variant’s profile as the file has it. */
export type StoredVariantProfile = Profile['variants'][number];
