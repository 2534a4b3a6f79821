import { writeFile } from 'node:fs/promises';
import { InvalidArgumentError, type Command } from 'commander';
import { taskKindSchema, type TaskKind, type Workload } from '@tandem/schemas';
import { loadWorkloads } from '@tandem/shared/config';
import { TandemError } from '@tandem/shared/errors';
import { loadRegistry, stableVariants } from '@tandem/shared/registry';
import { loadCatalogue, planCapacity, planPanels, type CapacityPlan, type PlanRequest } from '@tandem/simulator';
import { planProfile } from '../plan/plan-profile.ts';
import { planText } from '../plan/plan-text.ts';
import { addSettingFlags, settingsOf } from '../setting-flags.ts';

const EXAMPLES = `
What one worker process carries within the SLO is simulated with the flow's own decisions and measured batch times; brokers, Redis, stages, zones and
cost are reckoned from it. Every assumption is printed, and can be set in the catalogue (docs/capacity.md).

Examples:
  tandem plan --workload recommend --rate 1000000 --slo 50 --accuracy-floor 0.98 --machines docs/examples/machines.yaml
  tandem plan --workload recommend --rate 20000 --slo 100 --machines machines.yaml --tasks fine --json
  tandem plan --workload classify --rate 1000000 --slo 50 --machines machines.yaml --keys 60 --key-skew 1 --key-split auto`;

interface Flags extends Record<string, unknown> {
  workload: string;
  rate: number;
  slo: number;
  accuracyFloor?: number;
  machines: string;
  tasks?: TaskKind[];
  inTime: number;
  keys: number;
  keySkew: number;
  keySplit: number | 'auto';
  profile?: string;
  plot?: string;
  seed: number;
  json: boolean;
}

function between(low: number, high: number, what: string): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === '' || !(value >= low && value <= high)) throw new InvalidArgumentError(`${what}, ${low} to ${high}, is expected.`);
    return value;
  };
}

function whole(low: number, high: number): (text: string) => number {
  const parse = between(low, high, 'a whole number');
  return (text) => {
    const value = parse(text);
    if (!Number.isInteger(value)) throw new InvalidArgumentError('a whole number is expected.');
    return value;
  };
}

function tasks(text: string): TaskKind[] {
  return text.split(',').map((name) => {
    const parsed = taskKindSchema.safeParse(name.trim());
    if (!parsed.success) throw new InvalidArgumentError(`${taskKindSchema.options.join(', ')}, or several of them with commas.`);
    return parsed.data;
  });
}

const split = (text: string): number | 'auto' => (text === 'auto' ? 'auto' : whole(1, 100_000)(text));

function workloadNamed(workloads: readonly Workload[], name: string): Workload {
  const found = workloads.find((workload) => workload.name === name);
  if (found !== undefined) return found;
  throw new TandemError(`--workload ${name}: there are ${workloads.map((workload) => workload.name).join(', ')}`, { code: 'usage' });
}

async function requestOf(flags: Flags): Promise<PlanRequest> {
  const settings = settingsOf(flags);
  const variants = stableVariants(await loadRegistry(settings.models));
  const workload = workloadNamed(await loadWorkloads(settings.workloads, { variants }), flags.workload);
  const available = taskKindSchema.options.filter((task) => workload.plans[task] !== undefined);
  const missing = flags.tasks?.find((task) => !available.includes(task));
  if (missing !== undefined) throw new TandemError(`--tasks ${missing}: ${workload.name} has plans for ${available.join(', ')}`, { code: 'usage' });
  return {
    workload, variants, catalogue: await loadCatalogue(flags.machines), ...(await planProfile(flags.profile, variants, settings)),
    rate: flags.rate, sloMs: flags.slo, inTime: flags.inTime, accuracyFloor: flags.accuracyFloor ?? workload.accuracyFloor, tasks: flags.tasks ?? available,
    keys: { count: flags.keys, exponent: flags.keySkew, split: flags.keySplit }, seed: flags.seed,
  };
}

async function writePlot(file: string, made: CapacityPlan): Promise<void> {
  // A second of start-up that only a plot pays.
  const { lineCharts } = await import('@tandem/shared/chart');
  await writeFile(file, lineCharts(`${made.rate.toLocaleString('en')} requests/s within ${made.sloMs} ms`, planPanels(made)));
}

/** JSON has no NaN: what could not be planned is null. */
async function plan(flags: Flags): Promise<void> {
  const made = planCapacity(await requestOf(flags));
  if (flags.plot !== undefined) await writePlot(flags.plot, made);
  console.log(flags.json ? JSON.stringify(made) : planText(made));
}

export function addPlanCommand(program: Command): void {
  const command = program.command('plan')
    .description('how many machines of which kind answer a rate within an SLO, and what they cost')
    .requiredOption('--workload <name>', 'of the workload files')
    .requiredOption('--rate <n>', 'requests per second', between(0.001, 1e9, 'a number'))
    .requiredOption('--slo <ms>', 'within which they are to be answered', between(0.1, 86_400_000, 'milliseconds'))
    .requiredOption('--machines <file>', 'catalogue of machines and prices, YAML (docs/capacity.md)')
    .option('--accuracy-floor <share>', 'of the best variant’s accuracy; default: the workload’s', between(0, 1, 'a share'))
    .option('--tasks <list>', 'which plans may answer: coarse, fine, full; default: all that the workload has, the cheapest that meets the floor is taken', tasks)
    .option('--in-time <share>', 'of the requests that must be in time', between(0.5, 0.9999, 'a share'), 0.99)
    .option('--keys <n>', 'different affinity keys: users, sessions, languages', whole(1, 1e9), 1_000_000)
    .option('--key-skew <exponent>', 'Zipf’s: 0 all alike, 1 as words and languages', between(0, 4, 'a number'), 0)
    .option('--key-split <n>', 'sub-keys of each key, or auto: as many as the hottest key asks for', split, 'auto' as const)
    .option('--profile <file>', 'measured batch times: of tandem profile, or JSON by model.precision; default: this hardware’s profile, else the registry’s')
    .option('--plot <file>', 'writes an SVG')
    .option('--seed <n>', 'the same seed gives the same plan', whole(0, 2 ** 31), 1)
    .option('--json', 'machine-readable', false)
    .action(plan)
    .addHelpText('after', EXAMPLES);
  addSettingFlags(command, ['models', 'workloads', 'logLevel']);
}
