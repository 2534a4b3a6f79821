import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { lineCharts, type Panel } from '@tandem/shared/chart';
import { z } from 'zod';

const DOCS = join(import.meta.dirname, '../../docs');

const workloadCurve = z.object({
  metric: z.string(), requests: z.number(), both: z.number(), ece: z.number(), smallMs: z.number(), largeMs: z.number(),
  curve: z.array(z.object({ skipped: z.number(), accuracy: z.number(), random: z.number(), cost: z.number() })),
});
const report = z.object({ precision: z.string(), recommend: workloadCurve, classify: workloadCurve });

/** Cost as a share of always running both models. */
function panel(name: string, { metric, requests, both, ece, smallMs, largeMs, curve }: z.infer<typeof workloadCurve>): Panel {
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
const { recommend, classify, precision } = report.parse(JSON.parse(readFileSync(join(DOCS, 'cascade.json'), 'utf8')));
writeFileSync(join(DOCS, 'cascade.svg'), lineCharts(`Cascades, ${precision}: accuracy against compute`, [panel('recommend', recommend), panel('classify', classify)]));
