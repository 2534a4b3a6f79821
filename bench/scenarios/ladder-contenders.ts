import { cpus } from 'node:os';
import { consumerContender } from '../harness/consumer-contender.ts';
import type { Contender } from '../harness/contender.ts';
import { tandemContender } from '../harness/tandem-contender.ts';
import { settingCapability, workloadFolder, type Capability } from './capabilities.ts';

/** The baselines that ratios are against: of the batch consumers, the better. */
export const ONE_BY_ONE = 'consumer, one by one: large fp32';
export const BATCH_CONSUMERS = ['consumer, batches of 32: large fp32', 'consumer, batches of 32, a process per core: large fp32'] as const;
/** Rows that serve one and the same variant: Tandem's, and what consumes it in batches. */
export const SAME_VARIANT: readonly { tandem: string; consumers: readonly string[] }[] = [
  { tandem: 'Tandem: large fp32', consumers: BATCH_CONSUMERS },
  ...['large int8', 'small fp32', 'small int8'].map((variant) => ({ tandem: `Tandem: ${variant}`, consumers: [`consumer, batches of 32: ${variant}`] })),
];
/** The row of all steps together. */
export const WHOLE = '+ chaining';
/** The row of the policy that is the default. */
export const BY_DEADLINE = 'Tandem: small → large, deadline-aware';
const APART = 'Tandem: small → large, each stage a process';
/** A quick ladder has to be short. */
const FULL_ONLY: ReadonlySet<string> = new Set([
  BATCH_CONSUMERS[0], 'consumer, batches of 32: small fp32', 'consumer, batches of 32: small int8', 'Tandem: small fp32', 'Tandem: small int8', 'Tandem: large fp32', APART, BY_DEADLINE,
]);

/** Of the rows of Tandem, unless they say otherwise: topics only where a stage scales by itself. */
const LAYOUT = settingCapability('chain', 'edge').flags ?? [];

const SMALL = 'recommend-small';
const LARGE = 'recommend-large';

function consumers(): Contender[] {
  const inBatches = (model: string, precision: string, variant: string) => consumerContender({
    name: `consumer, batches of 32: ${model} ${precision}`,
    description: `kafkajs eachBatch, chunks of 32, manual commits, ${variant} in the same process`,
    script: 'in-batches', variant,
  });
  return [
    consumerContender({
      name: ONE_BY_ONE, description: `kafkajs eachMessage with its defaults, ${LARGE}.fp32 in the same process`, script: 'one-by-one', variant: `${LARGE}.fp32`,
    }),
    inBatches('large', 'fp32', `${LARGE}.fp32`),
    consumerContender({
      name: BATCH_CONSUMERS[1], description: `the same, ${cpus().length} processes with one inference thread each`,
      script: 'in-batches', variant: `${LARGE}.fp32`, processes: cpus().length, intraOpThreads: 1,
    }),
    inBatches('large', 'int8', `${LARGE}.int8`),
    inBatches('small', 'fp32', `${SMALL}.fp32`),
    inBatches('small', 'int8', `${SMALL}.int8`),
  ];
}

/** What is on by default and has a row of its own. */
function withoutCaches(): readonly string[] {
  return settingCapability('prefixCacheMb', '0').flags ?? [];
}

function alone(size: 'small' | 'large', precision: string): Contender {
  const model = size === 'small' ? SMALL : LARGE;
  return tandemContender({
    name: `Tandem: ${size} ${precision}`, description: `every request answered by ${model}.${precision} alone`, task: size === 'small' ? 'coarse' : 'fine',
    flags: [...LAYOUT, '--policy', 'fixed', '--precision', precision, '--variants', `${model}.${precision}`, ...withoutCaches()],
  });
}

interface Step {
  name: string;
  description: string;
  capability: Capability;
}

/** Each step has all flags of those before it; what this version lacks is left out, and said so. */
function cumulative(base: readonly string[], steps: readonly Step[], over: Partial<Contender> = {}): Contender[] {
  let flags = [...base];
  return steps.map(({ name, description, capability }) => {
    flags = [...flags, ...(capability.flags ?? [])];
    return { ...tandemContender({ name, description, task: 'full', flags: [...flags], unavailable: capability.missing }), ...over };
  });
}

/** How much memory users' prefixes may take in a worker, MB. */
const PREFIX_CACHE_MB = '512';

function optional(folder: string): Step[] {
  return [
    { name: '+ KV cache', description: 'the large model keeps each user’s history as a cached prefix', capability: settingCapability('prefixCacheMb', PREFIX_CACHE_MB) },
    { name: '+ result cache', description: 'identical steps are answered by what was computed before', capability: { flags: ['--workloads', workloadFolder(folder, 'fresh', { freshness: '5 minutes' })] } },
    { name: WHOLE, description: 'the workers too: all stages in one process, handing over in memory', capability: settingCapability('chain', 'all') },
  ];
}

function cascade(folder: string): Contender[] {
  const fp32 = (name: string, description: string, layout: readonly string[]) => tandemContender({
    name, description, task: 'full', flags: [...layout, '--policy', 'fixed', '--precision', 'fp32', '--variants', `${SMALL}.fp32,${LARGE}.fp32`, ...withoutCaches()],
  });
  const base = [...LAYOUT, '--policy', 'fixed', '--precision', 'int8', '--variants', `${SMALL}.int8,${LARGE}.int8`, ...withoutCaches()];
  const int8: Step = { name: '+ INT8', description: 'both models at int8', capability: { flags: [] } };
  return [
    fp32(APART, 'the small model proposes 100 candidates, the large one ranks them; fp32; a process and a topic between all stages', []),
    fp32('Tandem: small → large', 'the same with all stages but the workers in one process (--chain edge), as all rows of Tandem but the last', LAYOUT),
    ...cumulative(base, [int8, ...optional(folder)]),
  ];
}

/** Everything that the cascade's last row has, without its small model. */
function largeWithAll(folder: string): Contender {
  const base = [...LAYOUT, '--policy', 'fixed', '--precision', 'int8', '--variants', `${LARGE}.int8`];
  const last = cumulative(base, optional(folder), { task: 'fine' }).at(-1)!;
  return { ...last, name: 'Tandem: large int8, all of the above', description: 'no small model: the large one lists from the whole catalogue' };
}

/** What the last row has, but that the default policy chooses the precision of each request. */
function byDeadline(folder: string): Contender {
  const variants = [SMALL, LARGE].flatMap((model) => ['fp32', 'int8'].map((precision) => `${model}.${precision}`));
  const last = cumulative([...LAYOUT, '--policy', 'deadline-aware', '--variants', variants.join(',')], optional(folder)).at(-1)!;
  return { ...last, name: BY_DEADLINE, description: 'all of the above, but that the default policy chooses among fp32 and int8 for each request, by load and deadline' };
}

/**
 * @param folder for workload files
 * @param only names that were asked for: all rows are to be had, quick or not
 */
export function ladderContenders({ folder, quick, only }: { folder: string; quick: boolean; only?: readonly string[] | undefined }): Contender[] {
  const all = [
    ...consumers(),
    alone('small', 'fp32'), alone('small', 'int8'), alone('large', 'fp32'), alone('large', 'int8'),
    ...cascade(folder), largeWithAll(folder), byDeadline(folder),
  ];
  return all.filter(({ name }) => !quick || only !== undefined || !FULL_ONLY.has(name));
}
