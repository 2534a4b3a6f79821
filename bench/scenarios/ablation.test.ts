import { expect, test } from 'vitest';
import { settingNames } from '@tandem/shared/config';
import { ALL, flagsWithout, lessName, STEPS, worthOf } from './ablation.ts';
import type { LadderRow } from './ladder-row.ts';

function row(name: string, over: Partial<LadderRow> = {}): LadderRow {
  return {
    name, description: '', goodputPerSecond: 1_000, goodput: { median: 1_000, least: 1_000, most: 1_000 }, p50Ms: 1, p99Ms: 1, hitRateAt10: 0, ndcgAt10: 0, judged: 0,
    hitRateLost: 0, hitRateLostError: 0, cpuSecondsPer1000: 1, cpuSecondsPer1000WithBroker: 1, costPer1000: 1, coresForFixedLoad: 1, ...over,
  };
}

/** Flag → value. */
function pairs(flags: readonly string[]): Map<string, string> {
  return new Map(flags.flatMap((flag, index) => (flag.startsWith('--') ? [[flag, flags[index + 1]!] as const] : [])));
}

test('each row differs from the one with all steps by its own step alone', () => {
  const all = pairs(flagsWithout(undefined, '/w'));
  const changed = STEPS.map((step) => {
    const less = pairs(flagsWithout(step, '/w'));
    return [...new Set([...all.keys(), ...less.keys()])].filter((flag) => all.get(flag) !== less.get(flag)).join(' ');
  });
  expect(changed).toEqual(['--variants', '--precision --variants', '--max-batch-size', '--prefix-cache-mb', '--workloads', '--chain']);
});

test('there is a setting for each flag', () => {
  const flags = STEPS.flatMap((step) => [...pairs(flagsWithout(step, '/w')).keys()]);
  const known = settingNames.map((name) => `--${name.replace(/[A-Z]/g, (capital) => `-${capital.toLowerCase()}`)}`);
  expect(flags.filter((flag) => !known.includes(flag))).toEqual([]);
});

test('a step is worth what goes without it, and costs the right answers that come back', () => {
  const rows = [row(ALL), row(lessName('INT8'), { goodputPerSecond: 500, cpuSecondsPer1000WithBroker: 1.8, hitRateLost: -0.004, hitRateLostError: 0.001 })];
  expect(worthOf(rows)).toEqual([{ step: 'INT8', goodput: 2, cpu: 1.8, hitRateLost: 0.004, hitRateLostError: 0.001 }]);
});

test('without the row of all steps nothing is said', () => {
  expect(worthOf([row(lessName('INT8'))])).toEqual([]);
});
