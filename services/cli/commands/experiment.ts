import { Argument, InvalidArgumentError, type Command } from 'commander';
import type { ExperimentControl } from '@tandem/schemas';
import { loadWorkloads, type SettingName } from '@tandem/shared/config';
import { experimentNamed, experimentRecords, removalRecords, wished, type ExperimentWish } from '@tandem/shared/control';
import { summaryOf } from '@tandem/shared/core';
import { TandemError } from '@tandem/shared/errors';
import type { EventLog } from '@tandem/shared/log';
import { loadRegistry, stableVariants } from '@tandem/shared/registry';
import { actor } from '../actor.ts';
import { startExperiment } from '../compose/start-experiment.ts';
import { listText, readExperimentFile, readExperiments, reportText } from '../experiments/index.ts';
import { openLog, quietly } from '../open-log.ts';
import { addSettingFlags, settingsOf } from '../setting-flags.ts';

const SETTINGS: readonly SettingName[] = ['kafka', 'prefix', 'logLevel'];
const EXAMPLES = `
An experiment is a file: docs/experiments.md says what is in it, docs/examples/experiment.json is one.

Examples:
  tandem experiment start docs/examples/experiment.json --kafka kafka:9092
  tandem experiment list --kafka kafka:9092
  tandem experiment report large-int8 --kafka kafka:9092
  tandem experiment weights large-int8 int8=50 fp32=50 --kafka kafka:9092
  tandem experiment promote large-int8 int8 --kafka kafka:9092
  tandem experiment rollback large-int8 --kafka kafka:9092
  tandem experiment stop large-int8 --kafka kafka:9092`;

interface Flags extends Record<string, unknown> {
  json?: true;
}

/** Epoch ms, whole. */
const now = () => Date.now();

async function withLog(flags: Flags, act: (log: EventLog, prefix: string) => Promise<void>): Promise<void> {
  const settings = settingsOf(flags, quietly());
  await using log = await openLog(settings, 'experiments lie');
  await act(log, settings.prefix);
}

function print({ json }: Flags, value: unknown, text: () => string): void {
  console.log(json === true ? JSON.stringify(value) : text());
}

function list(flags: Flags): Promise<void> {
  return withLog(flags, async (log, prefix) => {
    const { summaries } = await readExperiments(log, prefix);
    print(flags, summaries, () => listText(summaries));
  });
}

function report(name: string, flags: Flags): Promise<void> {
  return withLog(flags, async (log, prefix) => {
    const { control, reports } = await readExperiments(log, prefix);
    const experiment = experimentNamed(name, control.experiments);
    const summary = summaryOf(experiment, reports.countsOf(experiment));
    print(flags, summary, () => reportText(summary));
  });
}

async function start(file: string, flags: Flags): Promise<void> {
  const settings = settingsOf(flags, quietly());
  const text = await readExperimentFile(file);
  const variants = stableVariants(await loadRegistry(settings.models));
  const workloads = await loadWorkloads(settings.workloads, { variants });
  await withLog(flags, async (log, prefix) => {
    const { control } = await readExperiments(log, prefix);
    const producer = await log.producer();
    const begun = await startExperiment(text, { prefix, models: settings.models, workloads, others: control.experiments, producer, actor: actor(), now: now(), lastStartOf: (name) => control.lastStartOf(name) });
    told(flags, begun);
  });
}

function told(flags: Flags, control: ExperimentControl): void {
  const { definition: { name }, state, why } = control;
  const is = `${name} is ${state.replace('_', ' ')}`;
  print(flags, control, () => (why === state ? is : `${is}: ${why}`));
}

function change(name: string, wish: ExperimentWish, flags: Flags): Promise<void> {
  return withLog(flags, async (log, prefix) => {
    const { control } = await readExperiments(log, prefix);
    const time = now();
    const { next, deed } = wished(experimentNamed(name, control.experiments), wish, { by: actor(), time });
    const producer = await log.producer();
    await producer.send(experimentRecords(next, { prefix, actor: actor(), deed, time }));
    told(flags, next);
  });
}

function remove(name: string, flags: Flags): Promise<void> {
  return withLog(flags, async (log, prefix) => {
    const { control, reports } = await readExperiments(log, prefix);
    const { state } = experimentNamed(name, control.experiments);
    if (state !== 'stopped') throw new TandemError(`${name} is ${state.replace('_', ' ')}: stop it first (tandem experiment stop ${name})`, { code: 'experiment_refused' });
    const producer = await log.producer();
    await producer.send(removalRecords(name, reports.keysOf(name), { prefix, actor: actor(), deed: 'remove', time: now() }));
    print(flags, { removed: name }, () => `${name} is removed; the audit keeps what was done`);
  });
}

/** `int8=10` */
function weight(text: string, before: Record<string, number> = {}): Record<string, number> {
  const [, name, value] = /^([a-z0-9-]+)=(\d+(?:\.\d+)?)$/.exec(text) ?? [];
  if (name === undefined || value === undefined) throw new InvalidArgumentError('as int8=10: an arm, and a number of 0 or more.');
  return { ...before, [name]: Number(value) };
}

export function addExperimentCommand(program: Command): void {
  const experiment = program.command('experiment').description('experiments: which variant answers which share of the users, and what comes of it').addHelpText('after', EXAMPLES);
  const commands = [
    experiment.command('list').description('all of them, and what became of them').action(list),
    experiment.command('report <name>').description('its arms: answers, latency, HR@10 with an interval, and the difference to control with one that may be looked at at any time').action(report),
    experiment.command('weights').argument('<name>').addArgument(new Argument('<arm=weight...>').argParser(weight)).description('change arms’ shares of the users while it runs; only users of those arms move')
      .action((name: string, weights: Record<string, number>, flags: Flags) => change(name, { deed: 'weights', weights }, flags)),
    experiment.command('promote <name> [arm]').description('give an arm to everybody; where it names a version, all workers take that over')
      .action((name: string, arm: string | undefined, flags: Flags) => change(name, { deed: 'promote', arm }, flags)),
    experiment.command('rollback <name> [arm]').description('give control to the arm’s users, or to everybody, and avoid what was rolled back')
      .action((name: string, arm: string | undefined, flags: Flags) => change(name, { deed: 'rollback', arm }, flags)),
    experiment.command('stop <name>').description('decide as if there were no experiment; its report stays').action((name: string, flags: Flags) => change(name, { deed: 'stop' }, flags)),
    experiment.command('remove <name>').description('forget one that is stopped, with its counts').action(remove),
  ];
  for (const command of commands) addSettingFlags(command.option('--json', 'machine-readable'), SETTINGS);
  const begin = experiment.command('start <file>').description('hold a file against registry and workloads, and have the stages follow it').option('--json', 'machine-readable').action(start);
  addSettingFlags(begin, [...SETTINGS, 'models', 'workloads']);
}
