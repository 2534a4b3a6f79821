import { createMetrics } from '@tandem/shared/telemetry';
import { expect, test } from 'vitest';
import { schedulerObserver } from './observers.ts';

test('what schedulers do about experiments is counted by arm; those beyond the first 32 share one series', async () => {
  const metrics = createMetrics({ processMetrics: false });
  const { experiment } = schedulerObserver(metrics);
  for (let index = 0; index < 40; index += 1) experiment(`split-${index}`, { kind: 'roll_back', arm: 'new', why: 'guard rail' });
  experiment('split-0', { kind: 'roll_back', arm: 'newer', why: 'guard rail' });
  experiment('split-0', { kind: 'end', why: 'nothing was shown' });
  const { values } = await metrics.experimentActions.get();
  expect(values).toHaveLength(32 + 1 + 2);
  expect(values).toContainEqual({ labels: { experiment: 'others', arm: 'others', action: 'roll_back' }, value: 8 });
  expect(values.filter(({ labels }) => labels.experiment === 'split-0').map(({ labels }) => `${labels.arm} ${labels.action}`)).toEqual(['new roll_back', 'newer roll_back', 'all end']);
});
