/** What the policies are worth, simulated and really run; what the simulator is worth; and what it plans. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { workloadSchema } from '@tandem/schemas';
import { REWARD_WEIGHTS } from '@tandem/shared/core';
import { loadRegistry, stableVariants } from '@tandem/shared/registry';
import { median } from '@tandem/shared/statistics';
import { loadCatalogue, planCapacity, registryProfile, type CapacityPlan } from '@tandem/simulator';
import { exitOnSignals } from '../../test/support/processes.ts';
import { describeMachine } from '../harness/machine.ts';
import { terminalTable } from '../report/terminal.ts';
import { calibrate, calibrationRuns, type Calibration, type CalibrationRuns, type MachineFacts } from './calibrate.ts';
import { calibrationErrors, type CalibrationError } from './calibration-errors.ts';
import { comparePolicies, leads, type PolicyFigures, type PolicyRow } from './compare-policies.ts';
import { othersTogether } from './cores-used.ts';
import { checkShares, type SharesCheck } from './check-shares.ts';
import { madeUpRows, type MadeUpRow } from './made-up.ts';
import { evaluateBandit } from './evaluate-bandit.ts';
import { learnInWorld, type LearningRow } from './learning.ts';
import { openRealStand, type RealStand } from './real-stand.ts';
import { rebalanceTimes } from './rebalance-time.ts';
import { readRecorded, validated, writeRecorded, type RecordedRuns } from './recorded-runs.ts';
import { GOODPUT_BOUND, makeRuns, P99_BOUND, type Validated } from './validate.ts';
import { WORLDS } from './worlds.ts';

const REPOSITORY = join(import.meta.dirname, '../..');
const HELP = `The policies side by side, simulated and really run over Kafka; the simulator against four real runs; a plan for 1,000,000 requests/s.

  npm run policies -- [--json FILE] [--simulated] [--validation] [--learning [--evaluation FILE] [--models DIRECTORY] [--learning-cost-per-ms 0.005]] [--made-up] [--record FILE] [--recorded FILE] [--kafka HOST:PORT] [--seed 1] [--slo-ms 400]

  --simulated    policies are simulated only, on what is calibrated in a short real run
  --validation   the simulator's validation alone
  --learning     the bandit alone, in the simulator: what off-policy evaluation promises, and what is earned then; needs no Kafka, half a minute
  --evaluation FILE  with --learning: the bandit with the variants of a registry (--models, as shipped), in worlds that are made up. The scheduler lets it serve with what passed
                 (--policy bandit --learning-evaluation FILE) and the same --learning-cost-per-ms; exit code 1 says that something did not pass. A minute
  --made-up      threshold and deadline-aware alone, simulated on models that are made up: the table in docs/policies.md; needs no Kafka, half a minute
  --record FILE  keeps the runs of the validation, with every answer and step; --recorded FILE predicts them again, with nothing but that

Wherever the simulator is held against real runs, exit code 1 says that a goodput is more than ${GOODPUT_BOUND * 100} % or a p99 more than ${P99_BOUND * 100} % off. Whether one
policy leads is printed, and changes no exit code.

About 11 minutes; 5 with --simulated or --validation. Run it on a machine that does nothing else: broker, load generator, stages and models share its cores.
`;

const { values } = parseArgs({
  options: {
    json: { type: 'string' }, simulated: { type: 'boolean', default: false }, validation: { type: 'boolean', default: false }, learning: { type: 'boolean', default: false }, evaluation: { type: 'string' }, models: { type: 'string', default: join(REPOSITORY, 'models') }, 'learning-cost-per-ms': { type: 'string', default: String(REWARD_WEIGHTS.costPerMs) }, 'made-up': { type: 'boolean', default: false }, record: { type: 'string' }, recorded: { type: 'string' }, kafka: { type: 'string' },
    seed: { type: 'string', default: '1' }, 'slo-ms': { type: 'string', default: '400' }, help: { type: 'boolean', short: 'h', default: false },
  },
});

const progress = (text: string) => process.stderr.write(`${text}\n`);
const CALIBRATION_SECONDS = 7;
/** Of what a burst reached: whoever does less under load had to share the machine meanwhile. */
const LEAST_OF_BURST = 0.5;
const BEST = 'graded.fp32';
const RATE = 1_000_000;
const SLO_MS = 50;

interface Made {
  calibration: Calibration;
  validation: Validated[];
}

async function runsOf(real: RealStand, facts: MachineFacts, precision: string, then?: (cluster: Awaited<ReturnType<RealStand['open']>>, runs: CalibrationRuns) => Promise<void>): Promise<CalibrationRuns> {
  await using cluster = await real.open(['--policy', 'fixed', '--precision', precision]);
  const runs = await calibrationRuns(cluster.tapped, `graded.${precision}`, cluster.roughCapacity, { seconds: CALIBRATION_SECONDS, brokerPid: real.stand.brokerPid, seed: real.seed });
  const calibration = calibrate([runs], facts);
  const capacity = calibration.capacityPerSecond.get(runs.variant) ?? 0;
  if (capacity < LEAST_OF_BURST * cluster.roughCapacity) progress(`${runs.variant}: ${whole(capacity)}/s under load after ${whole(cluster.roughCapacity)}/s in a burst: this machine does something else, and what follows means nothing`);
  progress(costsOf(runs.variant, calibration));
  await then?.(cluster, runs);
  return runs;
}

/** What everything but inference takes of the cores, from little to do to far too much. */
function costsOf(variant: string, { cores, runs, rebalanceMs }: Calibration): string {
  const each = runs.map((run) => `${whole(run.completePerSecond)} of ${whole(run.offeredPerSecond)}/s complete, ${percent(run.inVainShare)} of the steps in vain, ${othersTogether(run.cores).toFixed(2)} cores beside ${run.cores.inference.toFixed(2)} of inference, ${run.handOverMs.toFixed(1)} ms from batch to batch`);
  return `${variant}: ${each.join('; ')}; ${cores.toFixed(2)} cores in all where they are short; a rebalance takes ${whole(median(rebalanceMs))} ms`;
}

/** The validation rests on the calibration of its own variant, made just before it. */
async function calibrateAndValidate(real: RealStand): Promise<Made> {
  const facts: MachineFacts = { cores: real.cores, rebalanceMs: await rebalanceTimes(real.stand.log) };
  let validation: Validated[] = [];
  const best = await runsOf(real, facts, 'fp32', async ({ tapped }, calibrationRuns) => {
    const runs = await makeRuns(tapped, calibrate([calibrationRuns], facts), BEST, { brokerPid: real.stand.brokerPid, seed: real.seed, progress });
    const { workload, variants } = real.models;
    const recorded: RecordedRuns = { variant: BEST, facts, calibration: calibrationRuns, runs, models: { workload, variants }, bounds: real.bounds };
    if (values.record !== undefined) writeRecorded(values.record, recorded);
    validation = validated(recorded);
  });
  if (values.validation) return { calibration: calibrate([best], facts), validation };
  return { calibration: calibrate([best, await runsOf(real, facts, 'int8')], facts), validation };
}

/** Whether the simulator keeps its bounds is the exit code's. */
function judge(validation: readonly Validated[]): void {
  if (validation.some(({ isWithin }) => !isWithin)) process.exitCode = 1;
}

function predictAgain(file: string): void {
  const recorded = readRecorded(file);
  const calibration = calibrate([recorded.calibration], recorded.facts);
  progress(costsOf(recorded.variant, calibration));
  const validation = validated(recorded);
  printValidation(validation);
  writeFigures({ validation });
  judge(validation);
}

async function millionPlan(): Promise<CapacityPlan> {
  const variants = stableVariants(await loadRegistry(join(REPOSITORY, 'models')));
  const workload = workloadSchema.parse(JSON.parse(readFileSync(join(REPOSITORY, 'workloads/recommend.json'), 'utf8')));
  return planCapacity({
    workload, variants, profile: registryProfile(variants), profileSource: 'the registry', catalogue: await loadCatalogue(join(REPOSITORY, 'docs/examples/machines.yaml')),
    rate: RATE, sloMs: SLO_MS, inTime: 0.99, accuracyFloor: 0.98, tasks: ['coarse', 'fine', 'full'], keys: { count: 1_000_000, exponent: 0.7, split: 'auto' }, seed: Number(values.seed),
  });
}

const whole = (value: number | undefined) => (value === undefined || !Number.isFinite(value) ? '–' : value.toFixed(0));
const percent = (value: number | undefined) => (value === undefined || !Number.isFinite(value) ? '–' : `${(value * 100).toFixed(1)} %`);
const both = (row: PolicyRow, show: (value: number | undefined) => string, pick: (figures: PolicyFigures) => number) => `${show(pick(row.simulated))} / ${show(row.real === undefined ? undefined : pick(row.real))}`;

function printPolicies(rows: readonly PolicyRow[]): void {
  const table = rows.toSorted((a, b) => a.situation.localeCompare(b.situation)).map((row) => [
    row.situation, row.policy, whole(row.offeredPerSecond), both(row, whole, ({ goodputPerSecond }) => goodputPerSecond), both(row, percent, ({ missShare }) => missShare),
    both(row, percent, ({ meanAccuracy }) => meanAccuracy), both(row, (value) => (value === undefined ? '–' : value.toFixed(2)), ({ sessionSecondsPer1000 }) => sessionSecondsPer1000),
  ]);
  console.log('\nPolicies: simulated / really run. Goodput and misses within the SLO, mean accuracy of complete answers (best = 100 %), session seconds per 1,000 requests.');
  console.log(terminalTable({ head: ['situation', 'policy', 'offered /s', 'goodput /s', 'misses', 'accuracy', 's per 1,000'], rows: table }));
  for (const [name, of] of [['simulated', (row: PolicyRow) => row.simulated], ['really run', (row: PolicyRow) => row.real]] as const) {
    for (const { situation, leads: isLeading, why } of leads(rows, 'deadline-aware', 'threshold', of)) console.log(`deadline-aware against threshold, ${situation}, ${name}: ${isLeading ? 'leads' : 'does NOT lead'} (${why})`);
  }
}

function printValidation(validation: readonly Validated[]): void {
  console.log(`\nThe simulator against real runs: goodput to be within ${GOODPUT_BOUND * 100} %, p99 within ${P99_BOUND * 100} %. Predicted are medians; by chance: the least and the most of the simulated runs, which differ by nothing but the seed.`);
  const rows = validation.map(({ run, perSecond, predicted, measured, goodputError, p99Error, isWithin }) => [
    run, whole(perSecond), `${whole(predicted.goodputPerSecond)} / ${whole(measured.goodputPerSecond)}`, percent(goodputError),
    `${whole(predicted.p99Ms)} / ${whole(measured.p99Ms)}`, `${whole(predicted.p99SpreadMs.least)}–${whole(predicted.p99SpreadMs.most)}`, percent(p99Error), isWithin ? 'yes' : 'NO',
  ]);
  console.log(terminalTable({ head: ['run', 'offered /s', 'goodput /s, predicted / measured', 'error', 'p99 ms, predicted / measured', 'by chance', 'error', 'within'], rows }));
}

function printShares({ checked, infeasible, worstShortfall, disagreements }: SharesCheck): void {
  const worst = worstShortfall <= 0 ? 'never below' : `at worst ${(worstShortfall * 100).toFixed(4)} % below`;
  console.log(`\nThe linear program of optimal-share against enumeration, random cases of three paths: in ${checked} that can be had ${worst} the best of a grid in steps of 2.5 %, ${disagreements} not found; ${infeasible} cannot be had.`);
}

function printCalibration(errors: readonly CalibrationError[]): void {
  console.log('\nCalibration of confidence (expected calibration error, as the registry has it):');
  if (errors.length === 0) console.log('  no variant has a calibration');
  for (const { variant, error, method } of errors) console.log(`  ${variant}: ${error.toFixed(4)} (${method})`);
}

function printPlan({ roles, costPerHour, currency, workers, log }: CapacityPlan): void {
  console.log(`\n${RATE.toLocaleString('en')} requests/s of recommend within ${SLO_MS} ms at 98 % of the best accuracy (docs/capacity.md; made-up prices):`);
  console.log(terminalTable({ head: ['role', 'machines', 'a zone lost'], rows: roles.map(({ role, count, machine, headroomZoneLost }) => [role, `${count} × ${machine}`, percent(headroomZoneLost)]) }));
  console.log(`${costPerHour.toFixed(0)} ${currency}/h; ${workers.variants.join(' → ')}, ${workers.processes} processes of ${whole(workers.capacityPerProcess)}/s; ${log.partitions} partitions, ${log.brokers} brokers`);
}

function writeFigures(figures: Record<string, unknown>): void {
  if (values.json === undefined) return;
  mkdirSync(dirname(values.json), { recursive: true });
  writeFileSync(values.json, `${JSON.stringify(figures, null, 1)}\n`);
}

function printLearning(rows: readonly LearningRow[]): void {
  console.log('\nLearning, simulated: mean reward (right answers − 0.2 per ms of session time) by the log of deadline-aware with a tenth by lot, and what is earned when it serves.');
  const three = (value: number) => value.toFixed(3);
  const table = rows.map((row) => [
    row.world, row.policy, three(row.ips), three(row.snips), `${three(row.doublyRobust)} ± ${three(row.standardError)}`, three(row.earned), percent(row.missShare),
    row.sessionSecondsPer1000.toFixed(2), row.isOpen === undefined ? '–' : row.isOpen ? 'yes' : 'no',
  ]);
  console.log(terminalTable({ head: ['world', 'policy', 'IPS', 'SNIPS', 'doubly robust', 'earned', 'misses', 's per 1,000', 'may serve'], rows: table }));
}

function printMadeUp(rows: readonly MadeUpRow[]): void {
  const cells = ({ threshold: a, deadlineAware: b }: MadeUpRow, show: (figures: MadeUpRow['threshold']) => string) => `${show(a)} / ${show(b)}`;
  console.log('\nModels that are made up, simulated, threshold / deadline-aware; medians of three seeds.');
  const table = rows.map((row) => [
    row.situation, whole(row.offeredPerSecond), cells(row, ({ goodputPerSecond }) => whole(goodputPerSecond)), cells(row, ({ missShare }) => percent(missShare)),
    cells(row, ({ meanAccuracy }) => percent(meanAccuracy)), cells(row, ({ sessionSecondsPer1000 }) => sessionSecondsPer1000.toFixed(2)),
  ]);
  console.log(terminalTable({ head: ['deadline, load', 'offered /s', 'goodput /s', 'misses', 'accuracy', 's per 1,000'], rows: table }));
}

/** What the bandit may serve with is in the file. */
async function evaluate(file: string): Promise<void> {
  const variants = stableVariants(await loadRegistry(values.models));
  const evaluation = evaluateBandit({ variants, weights: { ...REWARD_WEIGHTS, costPerMs: Number(values['learning-cost-per-ms']) }, seed: Number(values.seed) });
  const three = (value: number) => value.toFixed(3);
  console.log(terminalTable({
    head: ['model', 'world', 'doubly robust', 'earned', 'deadline-aware', 'may serve'],
    rows: evaluation.worlds.map(({ model, world, promised, standardError, earned, fallbackEarned, failed }) => [model, world, `${three(promised)} ± ${three(standardError)}`, three(earned), three(fallbackEarned), failed ?? 'yes']),
  }));
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(evaluation, null, 1)}\n`);
  if (evaluation.worlds.some(({ failed }) => failed !== undefined)) process.exitCode = 1;
}

async function main(): Promise<void> {
  if (values.evaluation !== undefined) return evaluate(values.evaluation);
  if (values.recorded !== undefined) return predictAgain(values.recorded);
  if (values['made-up']) {
    const madeUp = madeUpRows();
    printMadeUp(madeUp);
    return writeFigures({ machine: describeMachine(), madeUp });
  }
  const learning = values.validation ? [] : WORLDS.flatMap((world) => learnInWorld(world, { seed: Number(values.seed) }));
  if (learning.length > 0) printLearning(learning);
  if (values.learning) return writeFigures({ machine: describeMachine(), learning });
  const machine = describeMachine();
  await using real = await openRealStand({ kafka: values.kafka, seed: Number(values.seed), sloMs: Number(values['slo-ms']), progress });
  const { calibration, validation } = await calibrateAndValidate(real);
  printValidation(validation);
  const rows = values.validation ? [] : await comparePolicies(real, calibration, { progress, really: !values.simulated });
  if (rows.length > 0) printPolicies(rows);
  const shares = checkShares(Number(values.seed));
  const errors = await calibrationErrors(join(REPOSITORY, 'models'));
  const plan = values.validation ? undefined : await millionPlan();
  printShares(shares);
  printCalibration(errors);
  if (plan !== undefined) printPlan(plan);
  const { samples, runs, cores, partitionShares, rebalanceMs } = calibration;
  writeFigures({ machine, validation, policies: rows, learning, shares, calibrationErrors: errors, plan, calibration: { samples, runs, cores, partitionShares, rebalanceMs } });
  judge(validation);
}

if (values.help) process.stdout.write(HELP);
else {
  exitOnSignals();
  await main();
}
