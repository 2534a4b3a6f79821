import type { Panel } from '@tandem/shared/chart';
import type { CapacityPlan } from './types.ts';

const finite = ([, y]: readonly [number, number]) => Number.isFinite(y);

/** What a plan looks like: one worker process under load, and the cost by what could be otherwise. */
export function planPanels({ workers: { capacity, machine, variants }, sloMs, sensitivity, costPerHour, currency }: CapacityPlan): Panel[] {
  const { probes } = capacity;
  const points = (pick: (probe: (typeof probes)[number]) => number) => probes.map((probe) => [Math.round(probe.perSecond), pick(probe)] as const).filter(finite);
  const known = sensitivity.filter((row) => Number.isFinite(row.costPerHour));
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
      title: 'Cost where something is otherwise', xName: 'change (numbers: legend)', yName: `${currency}/h`,
      series: [
        { name: 'the plan', points: [[0, costPerHour]], as: 'dots' },
        ...known.map(({ change, costPerHour: cost }, index) => ({ name: `${index + 1} ${change}`.slice(0, 28), points: [[index + 1, cost] as const], as: 'dots' as const })),
      ],
    },
  ];
}
