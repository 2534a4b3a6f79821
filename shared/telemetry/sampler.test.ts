import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { ROOT_CONTEXT, SpanKind } from '@opentelemetry/api';
import { SamplingDecision } from '@opentelemetry/sdk-trace';
import { samplingOf } from './sampler.ts';
import { lotOfTrace } from './trace-context.ts';

const TRACES = Array.from({ length: 20_000 }, () => randomBytes(16).toString('hex'));

function sampled(environment: Record<string, string>): string[] {
  const { sampledBelow } = samplingOf(environment);
  return TRACES.filter((traceId) => lotOfTrace(traceId) < sampledBelow);
}

const shareSampled = (environment: Record<string, string>) => sampled(environment).length / TRACES.length;

test.each([
  [{}, 1], [{ OTEL_TRACES_SAMPLER: '' }, 1], [{ OTEL_TRACES_SAMPLER: 'always_on' }, 1], [{ OTEL_TRACES_SAMPLER: 'parentbased_always_off' }, 0],
  [{ OTEL_TRACES_SAMPLER: 'parentbased_traceidratio' }, 1], [{ OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '0' }, 0],
])('a sampler is named as the SDK’s variables name it: %o samples %d of what begins here', (environment, share) => {
  expect(shareSampled(environment)).toBe(share);
});

test('a share of the traces is sampled, the same ones as by the SDK’s sampler', () => {
  const environment = { OTEL_TRACES_SAMPLER: 'parentbased_traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.25' };
  // Six standard deviations.
  expect(Math.abs(shareSampled(environment) - 0.25)).toBeLessThan(0.02);
  const { sampler } = samplingOf(environment);
  const isSampled = (traceId: string) => sampler.shouldSample(ROOT_CONTEXT, traceId, '', SpanKind.CONSUMER, {}, []).decision === SamplingDecision.RECORD_AND_SAMPLED;
  expect(sampled(environment)).toEqual(TRACES.filter(isSampled));
});

test.each([
  [{ OTEL_TRACES_SAMPLER: 'jaeger_remote' }, 'OTEL_TRACES_SAMPLER = jaeger_remote: one of always_on'],
  [{ OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '5%' }, 'OTEL_TRACES_SAMPLER_ARG = 5%: a share from 0 to 1'],
  [{ OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '1.5' }, 'OTEL_TRACES_SAMPLER_ARG = 1.5: a share from 0 to 1'],
])('what no sampler is named by is refused: %o', (environment, message) => {
  expect(() => samplingOf(environment)).toThrow(message);
});
