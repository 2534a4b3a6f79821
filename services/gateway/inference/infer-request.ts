import { z } from 'zod';

const parametersSchema = z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]));

/** Body of an inference request, KServe's Open Inference Protocol v2. */
export const inferRequestSchema = z.object({
  id: z.string().max(256).optional(),
  parameters: parametersSchema.optional(),
  inputs: z.array(z.object({
    name: z.string().max(256),
    shape: z.array(z.number().int().min(0)).max(16),
    datatype: z.string().max(16),
    parameters: parametersSchema.optional(),
    data: z.array(z.unknown()).optional().describe('absent where it follows as binary data'),
  })).max(256),
  outputs: z.array(z.object({ name: z.string().max(256), parameters: parametersSchema.optional() })).max(256).optional(),
});
export type InferRequest = z.infer<typeof inferRequestSchema>;
export type InferInput = InferRequest['inputs'][number];

/** The bytes that a parameter announces after the JSON. */
export function binarySizeOf({ parameters }: Pick<InferInput, 'parameters'>): number | undefined {
  const size = parameters?.['binary_data_size'];
  return typeof size === 'number' && Number.isInteger(size) && size >= 0 ? size : undefined;
}
