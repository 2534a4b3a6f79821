import { z } from 'zod';
import { idSchema, precisionSchema } from './ids.ts';

/** `shape` lists dimension names (dynamic) or sizes. */
export const tensorSpecSchema = z.object({
  type: z.enum(['float32', 'float16', 'int32', 'int64', 'int8', 'uint8', 'bool']),
  shape: z.array(z.union([z.string(), z.number().int()])),
});
export type TensorSpec = z.infer<typeof tensorSpecSchema>;

const fileSchema = z.object({
  file: z.string().regex(/^(?!\/)(?!.*\.\.)[\w./-]+$/, 'a relative path inside models/'),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
});

/** One ONNX file of a variant: its path below the registry’s folder, hash, size and tensors. */
export const graphSchema = fileSchema.extend({
  bytes: z.number().int().positive(),
  weights: z.array(fileSchema).optional().describe('other files of its folder that hold constants of this graph (ONNX external data)'),
  inputs: z.record(z.string(), tensorSpecSchema),
  outputs: z.record(z.string(), tensorSpecSchema),
});
export type GraphSpec = z.infer<typeof graphSchema>;

/** One model at one precision: `model.precision` is its name everywhere. */
export const variantSchema = z.object({
  model: idSchema,
  precision: precisionSchema,
  version: z.string().min(1),
  status: z.enum(['stable', 'canary', 'retired']),
  adapter: z.string(),
  catalogue: z.object({
    items: z.number().int().positive(),
    popular: z.array(z.number().int().positive()).default([]).describe("most interacted items, most popular first"),
  }).optional(),
  labels: z.array(z.string()).optional(),
  graphs: z.record(z.string(), graphSchema),
  limits: z.record(z.string(), z.number()).default({}),
  accuracy: z.object({
    metric: z.string(),
    value: z.number(),
    others: z.record(z.string(), z.number()).default({}),
    data: z.string(),
    date: z.string(),
  }),
  calibration: z.record(z.string(), z.unknown()).optional(),
  lineage: z.record(z.string(), z.unknown()).default({}),
});
export type Variant = z.infer<typeof variantSchema>;

/** models/registry.json */
export const registrySchema = z.object({
  registryVersion: z.literal(1),
  models: z.array(variantSchema),
});
export type Registry = z.infer<typeof registrySchema>;
