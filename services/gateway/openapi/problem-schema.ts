import { errorCodeSchema, gatewayCodeSchema, responseSchema } from '@tandem/schemas';
import { z } from 'zod';
import { documented } from './json-schema.ts';

const problemSchema = z.object({
  type: z.string().describe('urn:tandem:problem: and the code'),
  title: z.string(),
  status: z.number().int(),
  detail: z.string().describe('for people; may change'),
  code: z.enum([...errorCodeSchema.options, ...gatewayCodeSchema.options]).describe('stable, docs/codes.md'),
  error: z.string().describe('as detail: where clients of the Open Inference Protocol look'),
  requestId: z.string().optional(),
  response: responseSchema.optional(),
});

const response = (contentType: string) => ({ description: 'A problem, RFC 9457', content: { [contentType]: { schema: documented(problemSchema, 'output') } } });

/** How every error is documented. */
export const problemResponse = response('application/problem+json');
/** Under /v2: the same, under the protocol's own content type. */
export const inferenceProblemResponse = response('application/json');
