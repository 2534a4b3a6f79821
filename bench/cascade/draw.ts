import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { lineCharts, type Panel } from '@tandem/shared/chart';

const DOCS = join(import.meta.dirname, '../../docs');

interface WorkloadCurve {
  metric: string;
  requests: number;
  both: number;
  ece: number;
  smallMs: number;
  largeMs: number;
  curve: { skipped: number; accuracy: number; random: number; cost: number }[];
}

/** As tools/cascade.py writes it. */
interface Report {
  precision: string;
  recommend: WorkloadCurve;
  classify: WorkloadCurve;
}

/** Cost as a share of always running both models. */
function panel(name: string, { metric, requests, both, ece, smallMs, largeMs, curve }: WorkloadCurve): Panel {
  const points = (of: (row: (typeof curve)[number]) => number) => curve.map((row) => [row.cost / (smallMs + largeMs), of(row)] as const);
  return {
    title: `${name}: ${requests} held-out requests, ECE of the confidence ${ece.toFixed(3)}`, xName: 'compute, of always running both', yName: metric,
    series: [
      { name: 'by confidence', points: points(({ accuracy }) => accuracy) },
      { name: 'by lot', points: points(({ random }) => random) },
      { name: 'always both', points: points(() => both) },
    ],
  };
}

/** Draws what tools/cascade.py measured. */
const { recommend, classify, precision } = JSON.parse(readFileSync(join(DOCS, 'cascade.json'), 'utf8')) as Report;
writeFileSync(join(DOCS, 'cascade.svg'), lineCharts(`Cascades, ${precision}: accuracy against compute`, [panel('recommend', recommend), panel('classify', classify)]));
