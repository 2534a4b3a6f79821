import { Option, type Command } from 'commander';
import { topicName, type Variant } from '@tandem/schemas';
import { checkGolden, createOnnxEngine, loadGolden, parseProvider } from '@tandem/shared/engine';
import type { SettingName, Settings } from '@tandem/shared/config';
import { promotionOf, releaseRecords, rollbackOf, type Release } from '@tandem/shared/control';
import { readHeartbeat, WORKER_GONE_AFTER_MS } from '@tandem/shared/core';
import { TandemError } from '@tandem/shared/errors';
import type { EventLog, LogRecord } from '@tandem/shared/log';
import { loadRegistry, variantName } from '@tandem/shared/registry';
import { actor } from '../actor.ts';
import { openLog, quietly } from '../open-log.ts';
import { duration } from '../option-parsers.ts';
import { ProgressLine } from '../progress-line.ts';
import { addSettingFlags, settingsOf } from '../setting-flags.ts';

const SETTINGS: readonly SettingName[] = ['kafka', 'prefix', 'models', 'providers', 'instance', 'logLevel'];
const WAIT_MS = 60_000;
const LOOK_EVERY_MS = 200;
const NOT_TAKEN = 1;

interface Flags extends Record<string, unknown> {
  release?: string;
  wait: number;
  json?: true;
}

interface WorkerAnswer {
  instance: string;
  version: string;
  refused?: { version: string; reason: string };
}

/** What no worker would take is not published: hash, tensors, warm-up, golden answers. */
async function verified(release: Variant, { models, providers }: Settings): Promise<void> {
  await using engine = createOnnxEngine({ modelsDirectory: models, threads: 1, providers: providers.map(parseProvider) });
  const loaded = await engine.load(release);
  const golden = await loadGolden(models);
  for (const each of golden?.cases ?? []) {
    if (each.model !== release.model || each.precision !== release.precision || each.version !== release.version) continue;
    const difference = await checkGolden(loaded, each, golden?.tolerance ?? 0);
    if (difference !== undefined) throw new TandemError(`${variantName(release)} version ${release.version}: ${difference}`, { code: 'golden_differs' });
  }
}

/** Follows heartbeats from now on. */
async function watchWorkers(log: EventLog, prefix: string, name: string): Promise<{ answers: () => WorkerAnswer[]; close: () => Promise<void> }> {
  const heard = new Map<string, { at: number; answer: WorkerAnswer | undefined }>();
  const onRecord = ({ key, value }: LogRecord) => {
    const beat = value === null ? undefined : readHeartbeat(value);
    if (beat === undefined || key === null) return void heard.delete(key ?? '');
    const served = beat.variants.find((variant) => `${variant.model}.${variant.precision}` === name);
    const answer = served === undefined ? undefined : { instance: key, version: served.version, ...(served.refused === undefined ? {} : { refused: served.refused }) };
    heard.set(key, { at: Date.now(), answer });
  };
  const tail = await log.tail({ topic: topicName(prefix, 'telemetry'), startFrom: 'latest', onRecord });
  return {
    answers: () => [...heard.values()].flatMap(({ at, answer }) => (answer !== undefined && Date.now() - at < WORKER_GONE_AFTER_MS ? [answer] : [])),
    close: () => tail.close(),
  };
}

/** Until each worker that serves the variant has said that it has taken the version, or why not. */
async function untilTaken(answers: () => WorkerAnswer[], isTaken: (answer: WorkerAnswer) => boolean, version: string, waitMs: number): Promise<WorkerAnswer[]> {
  const line = new ProgressLine();
  const startedAt = Date.now();
  for (;;) {
    const now = answers();
    const isQuiet = Date.now() - startedAt > WORKER_GONE_AFTER_MS;
    if (isQuiet && now.every((answer) => isTaken(answer) || answer.refused?.version === version)) return now;
    if (Date.now() - startedAt > waitMs) return now;
    line.show(() => `${now.filter(isTaken).length} of ${now.length} workers have taken it`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}

function report(name: string, version: string, all: readonly WorkerAnswer[], isTaken: (answer: WorkerAnswer) => boolean, json: boolean): void {
  const left = all.filter((answer) => !isTaken(answer));
  if (left.length > 0) process.exitCode = NOT_TAKEN;
  if (json) return console.log(JSON.stringify({ variant: name, version, workers: all }));
  console.log(all.length === 0 ? `${name} version ${version} is released; no worker serves it now` : `${name} version ${version}: ${all.length - left.length} of ${all.length} workers have taken it`);
  for (const { instance, version: still, refused } of left) console.log(`${instance} stays with ${still}${refused === undefined ? ' so far' : `: ${refused.reason}`}`);
}

async function promote(name: string, flags: Flags): Promise<void> {
  const settings = settingsOf(flags, quietly());
  const promotion = promotionOf(await loadRegistry(settings.models), name, flags.release);
  await verified(promotion.variant, settings);
  await change(promotion, settings, flags);
}

async function rollback(name: string, flags: Flags): Promise<void> {
  const settings = settingsOf(flags, quietly());
  await change(rollbackOf(await loadRegistry(settings.models), name), settings, flags);
}

async function change(release: Release, settings: Settings, flags: Flags): Promise<void> {
  const { name, version } = release;
  await using log = await openLog(settings, 'releases lie');
  const workers = await watchWorkers(log, settings.prefix, name);
  const producer = await log.producer();
  await producer.send(releaseRecords(release, { prefix: settings.prefix, actor: actor(), time: Date.now() }));
  const isTaken = (answer: WorkerAnswer) => answer.version === version && answer.refused === undefined;
  report(name, version, await untilTaken(workers.answers, isTaken, version, flags.wait), isTaken, flags.json === true);
  await workers.close();
}

/** `promote` and `rollback` of `tandem models`. */
export function addReleaseCommands(models: Command): void {
  const commands = [
    models.command('promote <variant>').description('have running workers take a version of the registry (the canary, unless --release names one), without a pause; exit code 1 where one does not')
      .option('--release <version>', 'of the registry').action(promote),
    models.command('rollback <variant>').description('take a promotion back: workers return to the registry’s stable version').action(rollback),
  ];
  for (const command of commands) {
    command.addOption(new Option('--wait <duration>', 'for the workers to answer').argParser(duration).default(WAIT_MS, '60s')).option('--json', 'machine-readable');
    addSettingFlags(command, SETTINGS);
  }
}
