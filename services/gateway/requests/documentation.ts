import { responseSchema } from '@tandem/schemas';
import { documented } from '../openapi/json-schema.ts';
import { problemResponse } from '../openapi/problem-schema.ts';
import { draftSchema } from './prepare.ts';

const response = documented(responseSchema, 'output');
const pending = { type: 'object', properties: { requestId: { type: 'string' }, status: { const: 'pending' } }, required: ['requestId', 'status'] };
const TAGS = ['requests'];

/** Of the routes for single requests. */
export const documentation = {
  post: {
    summary: 'Ask, and wait for the response',
    description: 'Waits up to the deadline. Prefer: respond-async answers 202 at once, Prefer: wait=N after N seconds. Accept: text/event-stream or application/x-ndjson answers with events or lines: provisional responses where the workload makes them (hints.provisional false declines), then the final one.',
    tags: TAGS,
    headers: {
      type: 'object',
      properties: {
        'idempotency-key': { type: 'string', description: 'A second call with the same key and body gets the first one’s answer' },
        prefer: { type: 'string', description: 'respond-async, or wait=N (seconds)' },
      },
    },
    body: { ...documented(draftSchema), examples: [{ workload: 'recommend', userId: '42', input: { history: ['1', '260', '1196'], limit: 3 } }] },
    response: {
      200: { description: 'Complete or degraded', content: { 'application/json': { schema: response }, 'text/event-stream': { schema: { type: 'string' } }, 'application/x-ndjson': { schema: { type: 'string' } } } },
      202: { description: 'Accepted; GET the address in Location', content: { 'application/json': { schema: pending } } },
      default: problemResponse,
    },
  },
  get: {
    summary: 'The response to a request that was accepted',
    tags: TAGS,
    params: { type: 'object', properties: { id: { type: 'string' } }, required: ['id'] },
    querystring: { type: 'object', properties: { at: { type: 'string', description: 'from the Location that the gateway gave: finds the response in the log, whichever gateway is asked' } } },
    response: {
      200: { description: 'Complete or degraded', content: { 'application/json': { schema: response } } },
      202: { description: 'Not there yet', content: { 'application/json': { schema: pending } } },
      default: problemResponse,
    },
  },
} as const;
