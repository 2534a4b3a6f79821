import { createMetrics } from '@tandem/shared/telemetry';
import { expect, test } from 'vitest';
import { schedulerObserver } from './observers.ts';

function observing() {
  const metrics = createMetrics({ processMetrics: false });
  const of = async (name: 'expectationErrorSeconds' | 'stepJoules', suffix: 'sum' | 'count') => {
    const { values } = await metrics[name].get();
    return values.filter((value) => 'metricName' in value && String(value.metricName).endsWith(suffix)).map(({ labels: { model, precision }, value }) => [`${model}.${precision}`, value]);
  };
  return { metrics, of, cameTrue: schedulerObserver(metrics).cameTrue };
}

test('how far expectations are off counts either way, and which way by the sums of both', async () => {
  const { metrics, of, cameTrue } = observing();
  cameTrue({ variant: 'large.int8', expectedMs: 20, actualMs: 50 });
  cameTrue({ variant: 'large.int8', expectedMs: 40, actualMs: 30 });
  expect(await of('expectationErrorSeconds', 'count')).toEqual([['large.int8', 2]]);
  expect((await of('expectationErrorSeconds', 'sum'))[0]![1]).toBeCloseTo(0.04, 9);
  expect((await metrics.expectedSeconds.get()).values[0]!.value).toBeCloseTo(0.06, 9);
  expect((await metrics.actualSeconds.get()).values[0]!.value).toBeCloseTo(0.08, 9);
});

test('joules are told where they are known, and else there is no series, rather than none of them', async () => {
  const { of, cameTrue } = observing();
  cameTrue({ variant: 'large.int8', expectedMs: 20, actualMs: 50 });
  expect(await of('stepJoules', 'count')).toEqual([]);
  cameTrue({ variant: 'large.int8', expectedMs: 20, actualMs: 50, joules: 0.25 });
  cameTrue({ variant: 'large.int8', expectedMs: 20, actualMs: 50, joules: 0.75 });
  expect(await of('stepJoules', 'sum')).toEqual([['large.int8', 1]]);
  expect(await of('stepJoules', 'count')).toEqual([['large.int8', 2]]);
});
