import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { samplerOf, samplesRoot } from './sampler.ts';

const TRACES = Array.from({ length: 20_000 }, () => randomBytes(16).toString('hex'));

function shareSampled(environment: Record<string, string>): number {
  const sampler = samplerOf(environment);
  return TRACES.filter((traceId) => samplesRoot(sampler, traceId)).length / TRACES.length;
}

test.each([
  [{}, 1], [{ OTEL_TRACES_SAMPLER: '' }, 1], [{ OTEL_TRACES_SAMPLER: 'always_on' }, 1], [{ OTEL_TRACES_SAMPLER: 'parentbased_always_off' }, 0],
  [{ OTEL_TRACES_SAMPLER: 'parentbased_traceidratio' }, 1], [{ OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '0' }, 0],
])('a sampler is named as the SDK’s variables name it: %o samples %d of what begins here', (environment, share) => {
  expect(shareSampled(environment)).toBe(share);
});

test('a share of the traces is sampled, the same ones by everybody', () => {
  const environment = { OTEL_TRACES_SAMPLER: 'parentbased_traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.25' };
  // Six standard deviations.
  expect(Math.abs(shareSampled(environment) - 0.25)).toBeLessThan(0.02);
  const [one, other] = [samplerOf(environment), samplerOf(environment)];
  expect(TRACES.filter((traceId) => samplesRoot(one, traceId))).toEqual(TRACES.filter((traceId) => samplesRoot(other, traceId)));
});

test.each([
  [{ OTEL_TRACES_SAMPLER: 'jaeger_remote' }, 'OTEL_TRACES_SAMPLER = jaeger_remote: one of always_on'],
  [{ OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '5%' }, 'OTEL_TRACES_SAMPLER_ARG = 5%: a share from 0 to 1'],
  [{ OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '1.5' }, 'OTEL_TRACES_SAMPLER_ARG = 1.5: a share from 0 to 1'],
])('what no sampler is named by is refused: %o', (environment, message) => {
  expect(() => samplerOf(environment)).toThrow(message);
});
