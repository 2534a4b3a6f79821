import { expect, test } from 'vitest';
import { lineCharts } from './line-charts.ts';

test('draws every panel and series into one SVG document', () => {
  const series = [{ name: 'worker-1', points: [[0, 1], [1, 2]] as const }, { name: 'fusion-1', points: [[0, 3], [1, 1]] as const }];
  const svg = lineCharts('A soak', [
    { title: 'Memory', xName: 'minutes', yName: 'MiB', series },
    { title: 'Lag', xName: 'minutes', yName: 'records', series: [{ name: 'lag', points: [[0, 5], [1, 5]], as: 'dots' }] },
  ]);
  expect(svg).toMatch(/^<svg[^>]*width="960"/);
  for (const text of ['A soak', 'Memory', 'Lag', 'worker-1', 'fusion-1', 'MiB', 'records']) expect(svg).toContain(text);
});
