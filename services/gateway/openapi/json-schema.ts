import { z } from 'zod';

/** A zod schema as OpenAPI 3.1 takes it: JSON Schema 2020-12. */
export function documented(schema: z.ZodType, io: 'input' | 'output' = 'input'): Record<string, unknown> {
  const { $schema: _, ...document } = z.toJSONSchema(schema, { target: 'draft-2020-12', io, unrepresentable: 'any' });
  return document;
}
