import { documented } from '../openapi/json-schema.ts';
import { inferenceProblemResponse } from '../openapi/problem-schema.ts';
import { inferRequestSchema } from './infer-request.ts';

const infer = {
  description: 'JSON tensors, or JSON followed by binary tensors with the header Inference-Header-Content-Length, as Triton’s and KServe’s clients send them.',
  body: { content: { 'application/json': { schema: documented(inferRequestSchema) }, 'application/octet-stream': { schema: { type: 'string', format: 'binary' } } } },
};

/** Of a route of the Open Inference Protocol. */
export function inferenceDocumentation(summary: string, kind?: 'infer') {
  return {
    summary,
    tags: ['Open Inference Protocol v2'],
    ...(kind === 'infer' ? infer : {}),
    response: { 200: { description: 'As the protocol says', content: { 'application/json': { schema: { type: ['object', 'array'] } } } }, default: inferenceProblemResponse },
  };
}
