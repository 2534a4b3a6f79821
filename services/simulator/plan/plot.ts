import type { Panel } from '@tandem/shared/chart';
import type { CapacityPlan } from './types.ts';

const finite = ([, y]: readonly [number, number]) => Number.isFinite(y);

/** What a plan looks like: one worker process under load, and the cost by rate. */
export function planPanels({ workers: { capacity, machine, variants }, rate, sloMs, sensitivity, costPerHour, currency }: CapacityPlan): Panel[] {
  const { probes } = capacity;
  const points = (pick: (probe: (typeof probes)[number]) => number) => probes.map((probe) => [Math.round(probe.perSecond), pick(probe)] as const).filter(finite);
  const byRate = [...sensitivity.filter((row) => row.rate !== rate), { rate, costPerHour }].sort((a, b) => a.rate - b.rate);
  return [
    {
      title: `One process with ${variants.join(' → ')} on ${machine}: latency`, xName: 'requests/s', yName: 'p99, ms',
      series: [{ name: 'p99', points: points(({ p99Ms }) => p99Ms) }, { name: `SLO ${sloMs} ms`, points: points(() => sloMs) }],
    },
    {
      title: 'The same: share of the requests in time', xName: 'requests/s', yName: '%',
      series: [{ name: 'in time', points: points(({ inTimeShare }) => inTimeShare * 100) }],
    },
    {
      title: 'All machines, by rate', xName: 'requests/s', yName: `${currency}/h`,
      series: [{ name: 'cost', points: byRate.map((row) => [row.rate, Math.round(row.costPerHour)] as const).filter(finite) }],
    },
  ];
}
