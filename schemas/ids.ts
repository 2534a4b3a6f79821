import { z } from 'zod';

/** Model, pool and workload ids appear in topic names, so their alphabet is closed. */
export const idSchema = z.string().regex(/^[a-z0-9-]{1,64}$/, 'must match [a-z0-9-]{1,64}');

/** An open set of names: fp32, fp16, bf16, int8, int4, mixed … */
export const precisionSchema = z.string().regex(/^[a-z0-9]{1,16}$/, 'must match [a-z0-9]{1,16}');

/** Chosen by the sender; unique per request. Printable, without control characters. */
export const requestIdSchema = z
  .string()
  .min(1)
  .max(256)
  // Half a surrogate pair has no UTF-8: as a key of the log or the cache, all of them would be one.
  .regex(/^[^\p{Cc}\p{Cs}]+$/u, 'must not contain control characters or halves of surrogate pairs');

/** A user, or what stands for one: a session, a sensor. */
export const affinityIdSchema = z
  .string()
  .min(1)
  .max(256)
  .regex(/^[^\p{Cs}]+$/u, 'must not contain halves of surrogate pairs');

/** The deployment’s own id of a user: the affinity key of what a user asks and does. */
export const userIdSchema = affinityIdSchema;

/** Catalogue items are the catalogue's integers, written as strings in public messages. */
export const itemIdSchema = z.string().min(1).max(32);

/** A moment as whole milliseconds since 1970, up to the last that JavaScript’s Date knows. */
export const epochMillisSchema = z.number().int().min(0).max(8_640_000_000_000_000);
