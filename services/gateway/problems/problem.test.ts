import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { errorCodeSchema, gatewayCodeSchema } from '@tandem/schemas';
import { expect, test } from 'vitest';
import { Problem } from './problem.ts';

test('every code has a status of its own kind', () => {
  for (const code of [...errorCodeSchema.options, ...gatewayCodeSchema.options]) expect(new Problem(code, { detail: 'x' }).status).toBeGreaterThanOrEqual(400);
});

test('docs/codes.md tells the status of each code of the gateway', () => {
  const page = readFileSync(join(import.meta.dirname, '../../../docs/codes.md'), 'utf8');
  for (const code of gatewayCodeSchema.options) expect(page).toContain(`| \`${code}\` | ${new Problem(code, { detail: 'x' }).status} |`);
});

test('what is told holds no stack, and a time to come back where there is one', () => {
  const problem = new Problem('overload', { detail: 'busy', retryAfterSeconds: 3, requestId: 'r' });
  expect(problem.body).toEqual({ type: 'urn:tandem:problem:overload', title: 'More work than can be done in time', status: 503, detail: 'busy', code: 'overload', error: 'busy', requestId: 'r' });
  expect(problem.headers).toEqual({ 'retry-after': '3' });
});
